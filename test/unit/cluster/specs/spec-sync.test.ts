import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { systemClock, type SystemClock } from '../../../../src/actors/clock.ts'
import { Fleet } from '../../../../src/api/fleet/fleet.ts'
import { dataDirOf, keptSpecs, renewHome, setKeySource } from '../../../../src/api/fleet/internals.ts'
import type { AgentSpec, FleetOptions } from '../../../../src/config/fleet-options.ts'
import { fenceHome, nameHome } from '../../../../src/cluster/homes/home-register.ts'
import { HomeWipes } from '../../../../src/cluster/homes/home-wipes.ts'
import { MemoryCluster, type MemoryStore } from '../../../../src/cluster/store/memory/memory-store.ts'
import { SpecSync, type SpecSyncParts } from '../../../../src/cluster/specs/spec-sync.ts'
import { ignoreErrors } from '../../../../src/util/ignore-errors.ts'
import { tempHome } from '../../../support/home.ts'
import { SteppedClock } from '../../../support/stepped-clock.ts'

const keys = { proxy: { apiKey: 'sk-secret-0123456789' } }
const endpoint = { proxy: { baseURL: 'http://127.0.0.1:9/v1' }, models: ['gpt-4o'] }
const a1 = (more: Partial<AgentSpec> = {}): AgentSpec => ({ id: 'a1', tenant: 'acme', ...more })
const level = (n: number): AgentSpec => a1({ labels: { level: String(n) } })

/** Waits until all that was asked for was done. */
const until = (check: () => void) => vi.waitFor(check, { timeout: 5_000, interval: 5 })

/** Cluster of hosts that only exchange specs. */
function world() {
  const cluster = new MemoryCluster()
  /** Starts a fleet; one with the same folder is a later run of the same host. */
  const fleetOf = (options: Partial<FleetOptions> = {}) => {
    const warnings: string[] = []
    const ignore = (): void => undefined
    const logger = {
      ...{ debug: ignore, info: ignore, error: ignore },
      warn: (_fields: object, message: string) => void warnings.push(message),
    }
    const defaults = { ...endpoint, proxy: { ...endpoint.proxy, ...keys.proxy } }
    const fleet = new Fleet({ dataDir: tempHome(), defaults, logger, ...options })
    onTestFinished(() => fleet.close())
    return { fleet, warnings }
  }
  const join = async (
    hostId: string,
    given: ReturnType<typeof fleetOf>,
    specs: readonly AgentSpec[] = [],
    partsOf: (fleet: Fleet, store: MemoryStore) => Partial<SpecSyncParts> = () => ({}),
  ) => {
    const { fleet } = given
    await fleet.apply(specs)
    const store = cluster.connect()
    const wipes = new HomeWipes(fleet, store)
    const parts = { fleet, store, hostId, wipes, clock: systemClock }
    const sync = new SpecSync({ ...parts, ...partsOf(fleet, store) })
    onTestFinished(() => sync.stop())
    await sync.start()
    const spec = (id = 'a1') => keptSpecs(fleet).get(id)
    const knows = (id = 'a1', tenant = 'acme') => sync.canRun({ tenant, agentId: id })
    return { ...given, sync, spec, knows, link: store.link }
  }
  const host = (hostId: string, specs?: readonly AgentSpec[], options?: Partial<FleetOptions>) =>
    join(hostId, fleetOf(options), specs)
  const record = (key = 'acme.a1') => cluster.agents.entry(key)?.value
  const levels = (...hosts: { spec: () => AgentSpec | undefined }[]) =>
    [...hosts.map(({ spec }) => spec()?.labels), record()?.['labels']].map((labels) =>
      Number((labels as { level?: string } | undefined)?.level),
    )
  return { cluster, fleetOf, join, host, record, levels }
}

describe('Specs of a cluster', () => {
  it('have all fields but the keys, and are known at every host', async () => {
    const { host, record } = world()
    const one = await host('h1', [a1({ ...keys, labels: { team: 'blue' }, maxRunningTurns: 3 })])
    expect(record()).toMatchObject({
      ...{ id: 'a1', tenant: 'acme', labels: { team: 'blue' }, maxRunningTurns: 3 },
      declared: { by: 'h1' },
    })
    expect(JSON.stringify(record())).not.toContain('sk-secret')
    const two = await host('h2')
    expect(two.spec()).toMatchObject({ id: 'a1', labels: { team: 'blue' }, maxRunningTurns: 3 })
    expect(two.knows()).toBe(true)
    expect(one.spec()?.proxy).toEqual(keys.proxy)
  })

  it('that are declared, changed or removed at one host are so at the others', async () => {
    const { host, levels, record } = world()
    const [one, two] = [await host('h1'), await host('h2')]
    await one.fleet.put(level(1))
    await until(() => expect(levels(one, two)).toEqual([1, 1, 1]))
    await two.fleet.put(level(2))
    await until(() => expect(levels(one, two)).toEqual([2, 2, 2]))
    await one.fleet.remove('a1', { drainMs: 700 })
    await until(() => expect(two.spec()).toBeUndefined())
    expect(record()).toMatchObject({ id: 'a1', declared: { removed: true, drainMs: 700 } })
    expect(two.sync.isRemoved({ tenant: 'acme', agentId: 'a1' })).toBe(true)
    await two.fleet.put(level(1))
    await until(() => expect(levels(one, two)).toEqual([1, 1, 1]))
    expect(one.sync.isRemoved({ tenant: 'acme', agentId: 'a1' })).toBe(false)
  })

  it('keep the keys of each host', async () => {
    const { host } = world()
    const one = await host('h1', [a1({ env: { API_KEY: 'one', TZ: 'UTC' } })])
    const two = await host('h2', [a1({ env: { API_KEY: 'two' } })])
    await until(() => expect(one.spec()?.env).toEqual({ API_KEY: 'one' }))
    await one.fleet.put(a1({ labels: { level: '2' }, env: { API_KEY: 'three', TZ: 'CET' } }))
    await until(() => expect(two.spec()?.env).toEqual({ API_KEY: 'two', TZ: 'CET' }))
    expect(one.spec()?.env).toEqual({ API_KEY: 'three', TZ: 'CET' })
  })

  it('of an agent that changes its tenant follow it', async () => {
    const { host, record } = world()
    const [one, two] = [await host('h1', [level(1)]), await host('h2')]
    await one.fleet.put({ ...level(1), tenant: 'blue' })
    await until(() => expect(two.knows('a1', 'blue')).toBe(true))
    expect(two.knows('a1', 'acme')).toBe(false)
    await until(() => expect(record('acme.a1')).toMatchObject({ declared: { removed: true } }))
    expect(record('blue.a1')).toMatchObject({ labels: { level: '1' } })
    expect(one.knows('a1', 'blue')).toBe(true)
  })
})

describe('The homes of an agent that is removed with them', () => {
  /** Writes a file into the home of the agent on a host. */
  const write = ({ fleet }: { fleet: Fleet }, text: string): void => {
    const home = join(dataDirOf(fleet), 'a1', 'workspace')
    mkdirSync(home, { recursive: true })
    writeFileSync(join(home, 'file'), text)
  }
  const fileOf = ({ fleet }: { fleet: Fleet }): string | undefined =>
    ignoreErrors(() => readFileSync(join(dataDirOf(fleet), 'a1', 'workspace', 'file'), 'utf8'))
  const isDone = ({ fleet }: { fleet: Fleet }): boolean =>
    existsSync(join(dataDirOf(fleet), '.fleet', 'wiped', 'a1.json'))
  /** Two hosts with an agent, each with a home of it, and a saved home. */
  async function saved(dataDir = tempHome()) {
    const made = world()
    const one = await made.join('h1', made.fleetOf({ dataDir }), [level(1)])
    const two = await made.host('h2')
    for (const each of [one, two]) write(each, 'old')
    const store = made.cluster.connect()
    const agent = { tenant: 'acme', agentId: 'a1' }
    const { record, revision } = await fenceHome(store, agent, 1)
    await store.objects.put('a1.1.a', new Uint8Array([1]))
    await nameHome(store, agent, { ...record, object: 'a1.1.a' }, revision)
    const savedHome = () => made.cluster.homes.entry('acme.a1')?.value
    return { ...made, one, two, dataDir, agent, store, savedHome }
  }

  it('are deleted on all hosts, and in the store', async () => {
    const { one, two, savedHome, cluster } = await saved()
    await one.fleet.remove('a1', { deleteHome: true })
    await until(() =>
      expect([two.spec(), fileOf(one), fileOf(two)]).toEqual([undefined, undefined, undefined]),
    )
    await until(() => expect(savedHome()).toBeUndefined())
    expect([...cluster.objects.keys()]).toEqual([])
  })

  it('stay without the wish', async () => {
    const { one, two, savedHome } = await saved()
    await one.fleet.remove('a1')
    await until(() => expect(two.spec()).toBeUndefined())
    expect([fileOf(one), fileOf(two), savedHome()?.object]).toEqual(['old', 'old', 'a1.1.a'])
  })

  it('are deleted on a host that was away, and new ones stay, also if it is started again', async () => {
    const { one, two, dataDir, join: joinHost, fleetOf } = await saved()
    one.sync.stop()
    await one.fleet.close()
    await two.fleet.remove('a1', { deleteHome: true })
    await two.fleet.put(level(1))
    write(two, 'new')
    await until(() => expect(isDone(two)).toBe(true))
    const again = await joinHost('h1', fleetOf({ dataDir }), [level(1)])
    expect([again.spec()?.id, fileOf(again), again.knows()]).toEqual(['a1', undefined, true])
    write(again, 'new')
    again.sync.stop()
    await again.fleet.close()
    const third = await joinHost('h1', fleetOf({ dataDir }))
    await until(() => expect(two.knows()).toBe(true))
    expect([fileOf(third), fileOf(two)]).toEqual(['new', 'new'])
  })

  it('are deleted though the agent is declared again at once, whose new home stays', async () => {
    const { one, two, record, savedHome } = await saved()
    one.link.cut()
    await one.fleet.remove('a1', { deleteHome: true })
    await one.fleet.put(level(1))
    write(one, 'new')
    one.link.mend()
    await until(() =>
      expect(record()).toMatchObject({ labels: {}, declared: { wiped: expect.any(String) as string } }),
    )
    await until(() => expect(savedHome()).toBeUndefined())
    await until(() => expect([isDone(one), isDone(two)]).toEqual([true, true]))
    expect([fileOf(one), fileOf(two)]).toEqual(['new', undefined])
    await until(() => expect([one.knows(), two.knows()]).toEqual([true, true]))
  })

  it('are deleted on a host that has declared the agent again before it knew of the removal', async () => {
    const { one, two, levels } = await saved()
    two.link.cut()
    await one.fleet.remove('a1', { deleteHome: true })
    await until(() => expect(one.sync.isRemoved({ tenant: 'acme', agentId: 'a1' })).toBe(true))
    await two.fleet.put(level(3))
    expect(fileOf(two)).toBe('old')
    two.link.mend()
    await until(() => expect(levels(one, two)).toEqual([3, 3, 3]))
    await until(() => expect([fileOf(two), two.knows()]).toEqual([undefined, true]))
    write(two, 'new')
    await one.fleet.put(level(4))
    await until(() => expect(levels(one, two)).toEqual([4, 4, 4]))
    expect(fileOf(two)).toBe('new')
  })
})

describe('A former home that cannot be deleted', () => {
  /** Homes whose deletion fails when the agent has been removed from the fleet, as that of a folder without rights. */
  class StuckWipes extends HomeWipes {
    readonly #fleet: Fleet
    attempts = 0
    isStuck = true
    /** Called when the agent is removed, and its home is not deleted yet. */
    onDelete = (): Promise<void> => Promise.resolve()

    constructor(fleet: Fleet, store: MemoryStore) {
      super(fleet, store)
      this.#fleet = fleet
    }

    override async carryOut(...given: Parameters<HomeWipes['carryOut']>): Promise<void> {
      const [{ agentId }, drainMs, keeps] = given
      this.attempts++
      if (!this.isStuck) return super.carryOut(...given)
      mkdirSync(join(dataDirOf(this.#fleet), agentId), { recursive: true })
      await renewHome(this.#fleet, agentId, drainMs, keeps)
      await this.onDelete()
      throw new Error('EACCES: permission denied')
    }
  }

  /** Two hosts with an agent, one of which is cut off and cannot delete homes. */
  async function stuck() {
    const made = world()
    const clock = new SteppedClock()
    const wipes: StuckWipes[] = []
    const one = await made.host('h1', [level(1)])
    const two = await made.join('h2', made.fleetOf(), [], (fleet, store) => {
      const each = new StuckWipes(fleet, store)
      wipes.push(each)
      return { wipes: each, clock: clock as SystemClock }
    })
    const [homes] = wipes
    if (!homes) throw new Error('The host has no homes')
    await until(() => expect(two.spec()).toBeDefined())
    two.link.cut()
    return { ...made, one, two, clock, homes }
  }

  it('is tried again each minute, and the agent runs there after that', async () => {
    const { one, two, clock, homes } = await stuck()
    await one.fleet.remove('a1', { deleteHome: true })
    await one.fleet.put(level(2))
    await until(() => expect(one.knows()).toBe(true))
    two.link.mend()
    await until(() => expect(homes.attempts).toBeGreaterThan(0))
    for (let n = 0; n < 20; n++) await two.fleet.put({ id: 'b1', tenant: 'acme', labels: { n: String(n) } })
    expect(homes.attempts).toBe(1)
    expect(two.warnings.filter((text) => text.includes('EACCES'))).toHaveLength(1)
    await until(() => expect(two.spec()?.labels).toEqual({ level: '2' }))
    expect(two.knows()).toBe(false)
    homes.isStuck = false
    await clock.advance(60_000)
    await until(() => expect(two.knows()).toBe(true))
  })

  it('does not remove an agent from the cluster that was declared again meanwhile', async () => {
    const { one, two, homes, record } = await stuck()
    homes.onDelete = async () => {
      await one.fleet.put(level(2))
      await until(() => expect(record()).toMatchObject({ labels: { level: '2' } }))
    }
    await one.fleet.remove('a1', { deleteHome: true })
    await until(() => expect(record()).toMatchObject({ declared: { removed: true } }))
    two.link.mend()
    await until(() => expect(two.spec()?.labels).toEqual({ level: '2' }))
    expect([homes.attempts, one.spec()?.labels]).toEqual([1, { level: '2' }])
  })
})

describe('A conflict of specs', () => {
  it('of tenants that two hosts declare at once ends with one tenant everywhere', async () => {
    const { host, cluster } = world()
    const [one, two] = [await host('h1'), await host('h2')]
    await Promise.all([one.fleet.put(level(1)), two.fleet.put({ ...level(2), tenant: 'blue' })])
    const isRemovedAt = (key: string) =>
      (cluster.agents.entry(key)?.value['declared'] as { removed?: boolean } | undefined)?.removed === true
    await until(() => expect([isRemovedAt('acme.a1'), isRemovedAt('blue.a1')].sort()).toEqual([false, true]))
    const winner = isRemovedAt('acme.a1') ? 'blue' : 'acme'
    await until(() => expect([one, two].map(({ knows }) => knows('a1', winner))).toEqual([true, true]))
  })

  it('is won by the later declaration, and hosts whose configs differ change nothing further', async () => {
    const { cluster, host, levels } = world()
    const one = await host('h1', [level(1)])
    const two = await host('h2', [level(2)])
    await until(() => expect(levels(one, two)).toEqual([2, 2, 2]))
    const { revision } = cluster.agents.entry('acme.a1') ?? {}
    await one.fleet.apply([level(2)])
    const three = await host('h3')
    expect(levels(one, two, three)).toEqual([2, 2, 2, 2])
    expect(cluster.agents.entry('acme.a1')?.revision).toBe(revision)
  })

  it('between two hosts at the same moment ends with one spec at both', async () => {
    const { host, levels } = world()
    const [one, two] = [await host('h1'), await host('h2')]
    await Promise.all([one.fleet.put(level(1)), two.fleet.put(level(2))])
    await until(() => expect(new Set(levels(one, two)).size).toBe(1))
    await Promise.all([3, 4, 5, 6].map((n) => (n % 2 ? one : two).fleet.put(level(n))))
    await until(() => expect(new Set(levels(one, two)).size).toBe(1))
  })

  it.each([
    { what: 'an old config', restartedWith: 1, after: 2 },
    { what: 'a config that the cluster has never seen', restartedWith: 3, after: 3 },
  ])('at a restart with $what leaves spec $after', async ({ restartedWith, after }) => {
    const { fleetOf, join, host, levels } = world()
    const dataDir = tempHome()
    const before = await join('h1', fleetOf({ dataDir }), [level(1)])
    const two = await host('h2')
    before.sync.stop()
    await before.fleet.close()
    await two.fleet.put(level(2))
    await until(() => expect(levels(two)).toEqual([2, 2]))
    const one = await join('h1', fleetOf({ dataDir }), [level(restartedWith)])
    await until(() => expect(levels(one, two)).toEqual([after, after, after]))
    expect(one.warnings.filter((text) => text.includes('older'))).toHaveLength(after === 2 ? 1 : 0)
  })

  it('at a restart with an earlier tenant gives way to the later tenant', async () => {
    const { fleetOf, join, host, record } = world()
    const dataDir = tempHome()
    const before = await join('h1', fleetOf({ dataDir }), [level(1)])
    const two = await host('h2')
    before.sync.stop()
    await before.fleet.close()
    await two.fleet.put({ ...level(1), tenant: 'blue' })
    await until(() => expect(record('blue.a1')).toBeDefined())
    const one = await join('h1', fleetOf({ dataDir }), [level(1)])
    await until(() => expect(one.spec()?.tenant).toBe('blue'))
    expect(two.spec()?.tenant).toBe('blue')
    expect(record()).toMatchObject({ declared: { removed: true } })
  })

  it('at a restart after the removal of the agent removes it there, too, and says so', async () => {
    const { fleetOf, join, host } = world()
    const dataDir = tempHome()
    const before = await join('h1', fleetOf({ dataDir }), [level(1)])
    before.sync.stop()
    await before.fleet.close()
    const two = await host('h2')
    await two.fleet.remove('a1')
    await until(() => expect(two.sync.isRemoved({ tenant: 'acme', agentId: 'a1' })).toBe(true))
    const one = await join('h1', fleetOf({ dataDir }), [level(1)])
    expect(one.spec()).toBeUndefined()
    expect(one.warnings).toEqual([expect.stringContaining('removed from the cluster')])
  })

  it('during an outage is settled when the store is back', async () => {
    const { host, levels } = world()
    const [one, two] = [await host('h1', [level(1)]), await host('h2')]
    one.link.cut()
    await one.fleet.put(level(3))
    await two.fleet.put(level(2))
    await until(() => expect(levels(two)).toEqual([2, 2]))
    one.link.mend()
    await until(() => expect(levels(one, two)).toEqual([3, 3, 3]))
  })
})

describe('The key of an agent', () => {
  it('is missing on a host that has none: the host leaves the agent to others, and says why', async () => {
    const { host } = world()
    await host('h1', [level(1)])
    const two = await host('h2', [], { defaults: endpoint })
    expect(two.knows()).toBe(false)
    expect(two.warnings).toEqual([expect.stringContaining('proxy.apiKey')])
    await two.fleet.put({ ...level(1), ...keys })
    await until(() => expect(two.knows()).toBe(true))
  })

  it('is asked for where the host says how', async () => {
    const { fleetOf, join, host } = world()
    await host('h1', [level(1)])
    const given = fleetOf({ defaults: endpoint })
    setKeySource(given.fleet, (agentId) => `sk-of-${agentId}`)
    const two = await join('h2', given)
    expect(two.knows()).toBe(true)
    expect(JSON.stringify(two.spec())).not.toContain('sk-of')
  })
})
