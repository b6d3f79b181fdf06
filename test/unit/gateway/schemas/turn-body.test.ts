import { describe, expect, it } from 'vitest'
import { turnInputSchema } from '../../../../src/api/turn-input.ts'
import { inputOf, turnBody } from '../../../../src/gateway/schemas/turn-body.ts'
import { snakeCase } from '../../../../src/gateway/schemas/wire-names.ts'

describe('turnBody', () => {
  it('has every field of the input of a turn that is JSON', () => {
    const { turnId: _, signal: _signal, ...fields } = turnInputSchema().shape
    const names = Object.keys(fields).map(snakeCase)
    expect(Object.keys(turnBody().shape).sort()).toEqual([...names, 'on_disconnect'].sort())
  })

  it('becomes an input with the same values', () => {
    const body = turnBody().parse({
      text: 'x',
      session_id: 'ses_1',
      model: { provider_id: 'p', model_id: 'm' },
      trace_id: 't',
      deadline_ms: 5,
      stall_ms: 4,
      max_retries: 0,
      on_permission: 'ask',
      on_question: 'ask',
      on_disconnect: 'cancel',
      context: { user_id: 7 },
      tools: { Bash_X: false },
    })
    const input = inputOf(body)
    expect(input).toEqual({
      text: 'x',
      sessionId: 'ses_1',
      model: { providerId: 'p', modelId: 'm' },
      traceId: 't',
      deadlineMs: 5,
      stallMs: 4,
      maxRetries: 0,
      onPermission: 'ask',
      onQuestion: 'ask',
      context: { user_id: 7 },
      tools: { Bash_X: false },
    })
    expect(turnInputSchema().safeParse(input).success).toBe(true)
  })
})
