import { describe, expect, it } from 'vitest'
import { checkWireSpec } from '../../../../src/gateway/schemas/spec.ts'

describe('the models of a spec on the wire', () => {
  it('may be several, by their ids or as objects', () => {
    expect(() => checkWireSpec({ id: 'a', models: ['gpt-4o', 'gpt-4o-mini', { id: 'big' }] })).not.toThrow()
  })

  it.each([[['gpt-4o', 'gpt-4o']], [['gpt-4o', { id: 'gpt-4o' }]], [[{ id: 'big' }, { id: 'big' }]]])(
    'must differ: %j',
    (models) => {
      expect(() => checkWireSpec({ id: 'a', models })).toThrow(/models: expected each model only once/)
    },
  )
})
