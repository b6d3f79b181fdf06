import { describe, expect, it } from 'vitest'
import { walkCluster } from '../support/cluster-walk.ts'

const { CLUSTER_SEED, CLUSTER_WALKS, CLUSTER_STEPS } = process.env

describe('A random walk of a cluster', { timeout: 60_000 + Number(CLUSTER_WALKS ?? 0) * 1_000 }, () => {
  it('ends each turn once, stores no stale write, and runs no agent on two hosts', async () => {
    const first = CLUSTER_SEED === undefined ? Math.trunc(Math.random() * 2 ** 31) : Number(CLUSTER_SEED)
    const walks = Number(CLUSTER_WALKS ?? 15)
    const sum = { turns: 0, moved: 0, fences: 0, ends: {} as Record<string, number> }
    for (let i = 0; i < walks; i++) {
      const { turns, moved, fences, ends } = await walkCluster(first + i, Number(CLUSTER_STEPS ?? 80))
      sum.turns += turns
      sum.moved += moved
      sum.fences += fences
      for (const [code, count] of Object.entries(ends)) sum.ends[code] = (sum.ends[code] ?? 0) + count
    }
    console.info(`cluster: CLUSTER_SEED=${first}; ${walks} walks`, sum)
    expect(sum.turns).toBeGreaterThan(walks)
  })

  it('gives the place of a tenant to a waiting host, though a dead host had wished for it first', async () => {
    expect((await walkCluster(1_701_440_516, 80)).turns).toBeGreaterThan(0)
  })
})
