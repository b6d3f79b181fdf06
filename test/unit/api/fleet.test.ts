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

  it('runs a turn under the id that its input names, and rejects the id while that turn lives', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2'], script: held })
    // Before the fleet is open, the turns wait for the actors of their servers.
    const early = ['a1', 'a2'].map((id) => fleet.turn(id, { text: '1', turnId: 'mine' }))
    await fleet.advance(5_000)
    const late = ['a1', 'a2'].map((id) => fleet.turn(id, { text: '2', turnId: 'mine', traceId: 't2' }))
    const other = fleet.turn('a2', { text: '3', turnId: 'other' })
    await fleet.advance(5_000)
    expect([...early, ...late, other].map(({ id }) => id)).toEqual(['mine', 'mine', 'mine', 'mine', 'other'])
    expect([...early, ...late, other].map(endOf)).toEqual([
      'open',
      'rejected',
      'rejected',
      'rejected',
      'open',
    ])
    expect(late[1]?.replies).toEqual([
      {
        kind: 'error',
        trace_id: 't2',
        error: 'The turn id "mine" belongs to a turn that has not ended',
        code: 'rejected',
        retryable: false,
      },
    ])
  })

  it('leaves a turn alone when a rejected turn with the same id is cancelled', async () => {
    const fleet = startFleet({ ids: ['a1'], script: held })
    await fleet.advance()
    const first = fleet.turn('a1', { text: '1', turnId: 'mine' })
    const second = fleet.turn('a1', { text: '2', turnId: 'mine' })
    second.cancel()
    await fleet.advance(5_000)
    expect(endOf(first)).toBe('open')
    expect(fleet.told('a1')).toEqual(['turn.queued', 'turn.started'])
  })

  it('takes the id of a turn that has ended again, also the id of a turn of another agent', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2'] })
    await fleet.advance()
    for (const id of ['a1', 'a1', 'a2']) {
      const turn = fleet.turn(id, { text: '1', turnId: 'mine' })
      await fleet.advance(60_000)
      expect(endOf(turn)).toBe('final')
    }
  })

  it('gives a turn with another fault in its input the id that the input names', async () => {
    const fleet = startFleet({ ids: ['a1'] })
    await fleet.advance()
    const turns = [
      fleet.turn('a1', { text: '', turnId: 'mine' }),
      fleet.turn('a9', { text: 'hello', turnId: 'mine' }),
      fleet.turn('a1', { text: 'hello', turnId: 'no id' }),
    ]
    expect(turns.map(endOf)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(turns.map(({ id }) => id === 'mine')).toEqual([true, true, false])
  })
})
