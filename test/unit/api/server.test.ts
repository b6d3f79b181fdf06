import { describe, expect, it, onTestFinished } from 'vitest'
import { InvalidOptionsError, OpenCodeServer } from '../../../src/index.ts'
import { virtualTime } from '../../../src/testing/index.ts'

const options = {
  home: '/srv/agents/a1',
  proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'sk-0123456789' },
  models: ['gpt-4o'],
}

describe('new OpenCodeServer', () => {
  it('takes the clock and the inspector of its actor system', () => {
    const clock = virtualTime()
    const types = new Set<string>()
    const server = new OpenCodeServer({ ...options, clock, inspect: ({ type }) => void types.add(type) })
    onTestFinished(() => server.close())
    expect(types).toContain('@xstate.snapshot')
    expect(server.actor.system._clock).toBe(clock)
  })

  it.each([undefined, null, 'text', 5])('refuses %s by name', (given) => {
    expect(() => new OpenCodeServer(given as never)).toThrow(InvalidOptionsError)
  })
})
