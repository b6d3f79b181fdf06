import { describe, expect, it } from 'vitest'
import { endOf, held, outcomeOf, startFleet } from '../../support/fleet-harness.ts'

/** Options as plain JavaScript gives them. */
const loose = (options: object): Record<string, never> => options as Record<string, never>

describe('A fleet', () => {
  it('bounds the turns of a busy session, also where the agent could run other turns', async () => {
    const fleet = startFleet({ agents: [{ id: 'a1', maxQueuedTurns: 2 }], script: held })
    const session = fleet.fleet.agent('a1').session()
    const first = fleet.collect(session.turn('1'))
    await fleet.advance(5_000)
    const later = [2, 3, 4].map((n) => fleet.collect(session.turn(`${n}`)))
    expect([first, ...later].map(endOf)).toEqual(['open', 'open', 'open', 'overloaded'])
  })

  it('refuses unknown options of remove, apply and stop', async () => {
    const { fleet, advance } = startFleet({ ids: ['a1'] })
    await advance()
    const calls = [
      outcomeOf(fleet.remove('a1', loose({ deleteHom: true }))),
      outcomeOf(fleet.apply([], loose({ purge: true }))),
      outcomeOf(fleet.agent('a1').stop(loose({ drain: 3 }))),
    ]
    await advance()
    for (const { state, value } of calls) {
      expect(state).toBe('rejected')
      expect(value).toMatchObject({ code: 'ERR_OPENCODE_INVALID_OPTIONS' })
    }
    expect(fleet.status.agents).toHaveLength(1)
  })

  it('changes no other agent by reconfigure', async () => {
    const { fleet, advance } = startFleet({ ids: ['a1', 'a2'] })
    await advance()
    const call = outcomeOf(fleet.agent('a1').reconfigure(loose({ id: 'a2', tenant: 'other' })))
    await advance()
    expect(call).toMatchObject({ state: 'rejected', value: { code: 'ERR_OPENCODE_INVALID_OPTIONS' } })
    expect(fleet.agent('a2').status.tenant).toBe('default')
  })
})
