import { describe, expect, it } from 'vitest'
import { endOf, held, outcomeOf, startFleet } from '../../support/fleet-harness.ts'

const errorOf = ({ replies }: { replies: readonly object[] }) => (replies.at(-1) as { error?: string }).error

/** Starts a fleet with a running and a waiting turn of the agent a1. */
async function startBusy() {
  const fleet = startFleet({ ids: ['a1'], script: held, limits: { maxRunningTurns: 1 } })
  const running = fleet.turn('a1')
  await fleet.advance(5_000)
  return { ...fleet, turns: [running, fleet.turn('a1')] }
}

describe('close of a fleet', () => {
  it('a second time with less time ends the running turns then', async () => {
    const { fleet, advance, turns } = await startBusy()
    const calls = [outcomeOf(fleet.close({ drainMs: 600_000 }))]
    await advance(1_000)
    calls.push(outcomeOf(fleet.close()))
    await advance(1_000)
    expect([turns.map(endOf), calls.map(({ state }) => state)]).toEqual([
      ['open', 'cancelled'],
      ['pending', 'pending'],
    ])
    calls.push(outcomeOf(fleet.close({ drainMs: 0 })))
    await advance(1_000)
    expect([turns.map(endOf), calls.map(({ state }) => state)]).toEqual([
      ['cancelled', 'cancelled'],
      ['done', 'done', 'done'],
    ])
  })

  it('is the reason in the replies of the turns that it ends', async () => {
    const { fleet, advance, turns } = await startBusy()
    void fleet.close()
    await advance(1_000)
    expect(turns.map(errorOf)).toEqual(['The fleet was closed', 'The fleet was closed'])
  })
})

describe('The end of an agent', () => {
  it('is the reason in the replies of the turns that it ends: a removal, or a stop', async () => {
    const { fleet, advance, turns, turn } = await startBusy()
    void fleet.agent('a1').stop()
    await advance(1_000)
    expect(turns.map(errorOf)).toEqual(['The server was stopped', 'The server was stopped'])
    const later = [turn('a1'), turn('a1')]
    await advance(5_000)
    void fleet.remove('a1')
    await advance(1_000)
    expect(later.map(errorOf)).toEqual(['The agent was removed', 'The agent was removed'])
  })
})
