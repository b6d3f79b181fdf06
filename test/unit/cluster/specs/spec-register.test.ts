import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { sharedSpec, type SpecRecord } from '../../../../src/cluster/specs/spec-record.ts'
import { SpecRegister } from '../../../../src/cluster/specs/spec-register.ts'
import type { Register } from '../../../../src/cluster/store/cluster-store.ts'
import { MemoryCluster } from '../../../../src/cluster/store/memory/memory-store.ts'

const level = (n: number, tenant = 'acme') => sharedSpec({ id: 'a1', labels: { level: String(n) } }, tenant)

/** Register of a host; `between` happens once, between the first reading and the writing after it. */
async function register(cluster: MemoryCluster, hostId: string, between = () => Promise.resolve()) {
  const { agents } = cluster.connect()
  let isFirst = true
  const delayed: Register<SpecRecord> = {
    get: async (key) => {
      const entry = await agents.get(key)
      if (isFirst) await between()
      isFirst = false
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
    await one.remove('a1', 700)
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
    await vi.waitFor(() => expect(one.of('a1')).toBeUndefined())
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
