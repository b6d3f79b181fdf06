import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { buildPackage } from '../support/built-cli.ts'
import { startFleetHost } from '../support/fleet-host.ts'
import { endsOf, fakeFleet, processesIn } from '../support/fleet.ts'
import { isAlive } from '../support/host.ts'

let dist: string
beforeAll(async () => {
  dist = await buildPackage()
}, 120_000)

const ids = ['a1', 'a2', 'a3']

/** Starts a host whose fleet runs three agents, and returns a way to start the next fleet on the same folder. */
async function killedHost(death: 'die' | 'dieAlone') {
  // Only the fake and the data folder of this fleet are used, so it is closed before it has opened anything.
  const { fleet, make, fake, dataDir } = await fakeFleet()
  await fleet.close()
  const host = startFleetHost(dist, { dataDir, defaults: { binary: fake.binary } })
  host.apply(ids.map((id) => ({ id })))
  host.turns(ids, 'hang')
  await host.applied(1)
  host.turns(ids, 'hang')
  const pids = await host.healthy(ids)
  await host[death]()
  return { make, dataDir, pids }
}

describe.runIf(process.platform === 'linux')('a host of a fleet that is killed', () => {
  it('leaves no process, because of the watchers, and the next fleet knows the agents', async () => {
    const { make, dataDir } = await killedHost('die')
    await expect.poll(() => processesIn(dataDir), { timeout: 10_000, interval: 50 }).toEqual([])
    const { fleet } = make()
    await fleet.ready
    expect(fleet.status.agents.map(({ id }) => id)).toEqual(ids)
    expect(await endsOf([fleet.turn('a1', 'Hello')])).toEqual(['final'])
  })

  it('together with the watchers leaves servers, which the next fleet ends when it starts each agent', async () => {
    const { make, dataDir, pids } = await killedHost('dieAlone')
    expect(pids.map(isAlive)).toEqual([true, true, true])
    const { fleet } = make()
    expect(await endsOf([fleet.turn('a1', 'Hello')])).toEqual(['final'])
    expect(pids.map(isAlive)).toEqual([false, true, true])
    expect(await endsOf(ids.map((id) => fleet.turn(id, 'Hello')))).toEqual(ids.map(() => 'final'))
    expect(pids.map(isAlive)).toEqual([false, false, false])
    expect(processesIn(dataDir)).toHaveLength(3)
  })

  it('in the middle of apply leaves each agent as before or as after', async () => {
    const { fleet, make, dataDir } = await fakeFleet()
    await fleet.close()
    const host = startFleetHost(dist, { dataDir })
    const agents = Array.from({ length: 400 }, (_, i) => `a${String(i).padStart(3, '0')}`)
    const specs = (version: string, text: string) => agents.map((id) => ({ id, labels: { version, text } }))
    host.apply(specs('1', 'short'))
    await host.applied(1)
    host.apply([...specs('2', 'x'.repeat(5_000)), ...agents.map((id) => ({ id: `new-${id}` }))])
    const recordOf = (id: string) => readFileSync(join(dataDir, '.fleet', 'agents', `${id}.json`), 'utf8')
    // Hardly any wait between two looks, so that the host is killed before it has replaced the last record.
    await vi.waitFor(() => expect(recordOf('a050')).toContain('xxxxx'), { timeout: 30_000, interval: 1 })
    await host.die()
    const { fleet: next } = make()
    await next.ready
    const known = next.status.agents
    expect(known.filter(({ state }) => state === 'failed')).toEqual([])
    const versions = agents.map((id) => recordOf(id)).map((text) => (text.includes('xxxxx') ? '2' : '1'))
    expect(versions.slice(0, 51)).toEqual(Array.from({ length: 51 }, () => '2'))
    expect(versions.length).toBe(400)
    // The same call completes what was interrupted, and nothing more.
    const { changed, added, unchanged } = await next.apply([
      ...specs('2', 'x'.repeat(5_000)),
      ...agents.map((id) => ({ id: `new-${id}` })),
    ])
    expect(changed).toEqual(agents.filter((_, i) => versions[i] === '1'))
    expect([changed.length + added.length + unchanged.length, known.length - 400]).toEqual([
      800,
      400 - added.length,
    ])
  })
})
