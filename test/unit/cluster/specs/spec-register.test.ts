import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { isRemoved, sharedSpec, type SpecRecord } from '../../../../src/cluster/specs/spec-record.ts'
import { SpecRegister } from '../../../../src/cluster/specs/spec-register.ts'
import type { Register } from '../../../../src/cluster/store/cluster-store.ts'
import { MemoryCluster } from '../../../../src/cluster/store/memory/memory-store.ts'
import { Dice } from '../../../../src/testing/simulated-fleet/dice.ts'

const level = (n: number, tenant = 'acme') => sharedSpec({ id: 'a1', labels: { level: String(n) } }, tenant)

/** Register of a host; `between` happens once, or always, between a reading and the writing after it. */
async function register(
  cluster: MemoryCluster,
  hostId: string,
  between = () => Promise.resolve(),
  isAlways = false,
) {
  const { agents } = cluster.connect()
  let isFirst = true
  const delayed: Register<SpecRecord> = {
    get: async (key) => {
      const entry = await agents.get(key)
      if (isFirst) await between()
      isFirst = isAlways
      return entry
    },
    set: (key, value, revision) => agents.set(key, value, revision),
    delete: (key, revision) => agents.delete(key, revision),
    watch: (listener, signal) => agents.watch(listener, signal),
  }
  const stopped = new AbortController()
  onTestFinished(() => stopped.abort())
  const made = new SpecRegister({ agents: delayed }, hostId)
  await made.watch(stopped.signal)
  return made
}

describe('The register of specs', () => {
  it('takes the later of two declarations, and remembers both', async () => {
    const cluster = new MemoryCluster()
    const two = await register(cluster, 'h2')
    const one = await register(cluster, 'h1', () => two.declare(level(2)))
    await one.declare(level(1))
    expect(two.of('a1')).toMatchObject({ spec: level(1), isRemoved: false })
    expect(two.of('a1')?.seen).toHaveLength(2)
    await one.declare(level(2))
    expect(two.of('a1')?.seen).toHaveLength(2)
    expect(two.of('a1')?.seen.at(-1)).toBe(two.of('a1')?.hash)
  })

  it('keeps what was seen of a removed agent, and its time to drain', async () => {
    const cluster = new MemoryCluster()
    const one = await register(cluster, 'h1')
    await one.declare(level(1))
    await one.remove('a1', { drainMs: 700 })
    expect(one.of('a1')).toMatchObject({ isRemoved: true, drainMs: 700 })
    expect(one.of('a1')?.seen).toHaveLength(1)
    expect(JSON.stringify(cluster.agents.entry('acme.a1')?.value)).not.toContain('level')
  })

  it('has an agent with one tenant at a time, and no agent whose record was deleted', async () => {
    const cluster = new MemoryCluster()
    const one = await register(cluster, 'h1')
    await one.declare(level(1))
    await one.declare(level(1, 'blue'))
    expect(one.isRemoved({ tenant: 'acme', agentId: 'a1' })).toBe(true)
    expect(one.of('a1')?.spec.tenant).toBe('blue')
    for (const key of ['acme.a1', 'blue.a1'])
      cluster.agents.change(key, undefined, cluster.agents.entry(key)?.revision ?? 0)
    await vi.waitFor(() => expect(one.of('a1')).toBeUndefined(), { timeout: 15_000 })
  })

  it.each([
    ['h1', 'h2'],
    ['h2', 'h1'],
  ])(
    'has one record of an agent that %s and %s declare at once with different tenants',
    async (first, last) => {
      const cluster = new MemoryCluster()
      const other = await register(cluster, last)
      // Both write before either knows of the other's record.
      const one = await register(cluster, first, () => other.declare(level(2, 'blue')))
      const [acme, blue] = [
        { tenant: 'acme', agentId: 'a1' },
        { tenant: 'blue', agentId: 'a1' },
      ]
      await one.declare(level(1, 'acme'))
      await Promise.all([one.settle('a1'), other.settle('a1')])
      for (const each of [one, other])
        await vi.waitFor(() => expect([each.isRemoved(acme), each.isRemoved(blue)]).toEqual([false, true]), {
          timeout: 15_000,
        })
      expect(one.of('a1')).toMatchObject({ spec: level(1, 'acme'), isRemoved: false })
    },
  )

  it('has exactly one record of an agent, whatever hosts declare at once and in which order', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const dice = new Dice(seed)
      const cluster = new MemoryCluster()
      const lag = async (): Promise<void> => {
        for (let i = dice.below(8); i > 0; i--) await Promise.resolve()
      }
      const hosts = await Promise.all(['h1', 'h2', 'h3'].map((id) => register(cluster, id, lag, true)))
      const declared = hosts.flatMap((host) =>
        [1, 2].map(async (n) => {
          await lag()
          await host.declare(level(n, dice.of(['acme', 'blue', 'red'])))
        }),
      )
      await Promise.all(declared)
      await vi.waitFor(
        async () => {
          await Promise.all(hosts.map((host) => host.settle('a1')))
          const records = ['acme', 'blue', 'red'].map((tenant) => cluster.agents.entry(`${tenant}.a1`))
          const living = records.filter((entry) => entry && !isRemoved(entry.value))
          expect(living, `seed ${seed}`).toHaveLength(1)
          for (const host of hosts) expect(host.of('a1')?.spec.tenant).toBe(living[0]?.value['tenant'])
        },
        { timeout: 15_000 },
      )
    }
  })

  it('counts a removal that deletes homes once, and none that is tried again after a later declaration', async () => {
    const cluster = new MemoryCluster()
    const [one, two] = [await register(cluster, 'h1'), await register(cluster, 'h2')]
    await one.declare(level(1))
    await one.remove('a1', { drainMs: 0, wiped: 'w1' })
    await vi.waitFor(() => expect(two.wipesOf('a1')).toEqual(['w1']), { timeout: 15_000 })
    await two.declare(level(1))
    await one.remove('a1', { drainMs: 0, wiped: 'w1' })
    expect(one.of('a1')).toMatchObject({ isRemoved: false, wiped: 'w1' })
    await one.remove('a1', { drainMs: 0 })
    expect(one.of('a1')).toMatchObject({ isRemoved: true, wiped: 'w1' })
    // The agent was removed elsewhere at the same moment.
    await two.remove('a1', { drainMs: 0, wiped: 'w2' })
    expect(two.wipesOf('a1')).toEqual(['w2'])
  })

  it('compares specs whatever the order of their fields is', async () => {
    const cluster = new MemoryCluster()
    const one = await register(cluster, 'h1')
    await one.declare({ labels: { a: '1', b: '2' }, id: 'a1', tenant: 'acme' })
    const { hash } = one.of('a1') ?? {}
    await one.declare({ tenant: 'acme', id: 'a1', labels: { b: '2', a: '1' } })
    expect(one.of('a1')).toMatchObject({ hash, seen: [hash] })
  })
})
