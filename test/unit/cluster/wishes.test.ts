import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { systemClock } from '../../../src/actors/clock.ts'
import { MemoryCluster } from '../../../src/cluster/store/memory/memory-store.ts'
import { wish, Wishes } from '../../../src/cluster/wishes.ts'

const until = (check: () => void) => vi.waitFor(check, { timeout: 5_000, interval: 5 })

/** Host that notes the wishes for its present run. */
function host(incarnation: string | undefined) {
  const cluster = new MemoryCluster()
  const caller = cluster.connect()
  const store = cluster.connect()
  const run = { incarnation }
  const drains: number[] = []
  const wishes = new Wishes(store, {
    hostId: 'h1',
    incarnation: () => run.incarnation,
    onWish: ({ drainMs }) => void drains.push(drainMs),
    clock: systemClock,
  })
  onTestFinished(() => wishes.end())
  return { cluster, caller, run, drains, wishes, link: store.link }
}

describe('A wish that a host leaves', () => {
  it('reaches the host, a later wish too', async () => {
    const { caller, drains, wishes, cluster } = host('i1')
    await wish(caller.wishes, 'h1', { incarnation: 'i1', drainMs: 500 })
    await wish(caller.wishes, 'h1', { incarnation: 'i1', drainMs: 0 })
    await until(() => expect(drains).toEqual([500, 0]))
    await wishes.end()
    expect(cluster.wishes.entry('h1')).toBeUndefined()
  })

  it('is for one run of one host only', async () => {
    const { caller, drains, run, wishes } = host(undefined)
    await wish(caller.wishes, 'h2', { incarnation: 'i1', drainMs: 1 })
    await wish(caller.wishes, 'h1', { incarnation: 'i1', drainMs: 2 })
    run.incarnation = 'i2'
    wishes.look()
    expect(drains).toEqual([])
    run.incarnation = 'i1'
    wishes.look()
    await until(() => expect(drains).toEqual([2]))
  })

  it('that comes while the host is cut off is seen afterwards', async () => {
    const { caller, drains, link } = host('i1')
    link.cut()
    await wish(caller.wishes, 'h1', { incarnation: 'i1', drainMs: 3 })
    expect(drains).toEqual([])
    link.mend()
    await until(() => expect(drains).toEqual([3]))
  })
})
