import { describe, expect, it } from 'vitest'
import { endsOf, fakeFleet } from '../support/fleet.ts'

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

describe('a fleet', () => {
  it('shares two places between four agents', async () => {
    const { fleet, watch } = await fakeFleet({ limits: { maxServers: 2 } })
    const ids = ['a1', 'a2', 'a3', 'a4']
    expect(await fleet.apply(ids.map((id) => ({ id })))).toEqual({
      added: ids,
      changed: [],
      unchanged: [],
      removed: [],
    })
    const turns = range(3).flatMap(() => ids.map((id) => fleet.turn(id, 'Hello')))
    expect(await endsOf(turns)).toEqual(turns.map(() => 'final'))
    expect(watch.most.servers).toBe(2)
    expect(watch.of('agent.evicted').length).toBeGreaterThanOrEqual(2)
  })

  it('runs 200 agents of five tenants in eight places', { timeout: 120_000 }, async () => {
    const { fleet, watch, fake } = await fakeFleet({
      limits: { maxServers: 8, maxStarting: 4, maxRunningTurns: 12 },
      tenants: { t0: { maxRunningTurns: 2 }, t1: { weight: 3 } },
    })
    await fleet.apply(range(200).map((i) => ({ id: `a${i}`, tenant: `t${i % 5}` })))
    const turns = range(2).flatMap(() => range(200).map((i) => fleet.turn(`a${i}`, 'slow:20 echo:hi')))
    expect(await endsOf(turns)).toEqual(turns.map(() => 'final'))
    expect(watch.most.servers).toBeLessThanOrEqual(8)
    expect(watch.most.turns).toBeLessThanOrEqual(12)
    expect(watch.most.turnsOf.get('t0')).toBeLessThanOrEqual(2)
    expect(turns.map(({ id }) => watch.ends.get(id))).toEqual(turns.map(() => ['final']))
    // Both turns of an agent are admitted together, unless its tenant runs as many turns as it may.
    expect(fake.starts.length).toBeGreaterThanOrEqual(200)
    expect(fake.starts.length).toBeLessThan(300)
    expect(fleet.status).toMatchObject({ turns: { running: 0, queued: 0 } })
  })
})
