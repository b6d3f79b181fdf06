import { expect, it } from 'vitest'
import { z } from 'zod'
import { parse } from '../../../../src/config/validation.ts'
import { agentIdParameter } from '../../../../src/gateway/schemas/common.ts'

it('the id of an agent that is missing or empty is told by what is expected', () => {
  const read = (value: unknown) => parse(() => z.strictObject({ agent: agentIdParameter() }), value, 'field')
  expect(() => read({})).toThrow(/^Field `agent` is required: expected the id of an agent$/)
  expect(() => read({ agent: '' })).toThrow(/^Invalid field agent: expected the id of an agent, got ""$/)
  expect(read({ agent: 'Any text' })).toEqual({ agent: 'Any text' })
})
