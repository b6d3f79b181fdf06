import { describe, expect, it } from 'vitest'
import { walkFleet } from '../../src/testing/simulated-fleet/walk-fleet.ts'

const { FLEET_SEED, FLEET_WALKS, FLEET_STEPS } = process.env

describe('A random walk of a fleet', { timeout: 60_000 + Number(FLEET_WALKS ?? 0) * 500 }, () => {
  it('exceeds no limit, loses no turn, ends none twice, and ends cold', async () => {
    const first = FLEET_SEED === undefined ? Math.trunc(Math.random() * 2 ** 31) : Number(FLEET_SEED)
    const walks = Number(FLEET_WALKS ?? 40)
    const steps = Number(FLEET_STEPS ?? 60)
    const sum = { turns: 0, starts: 0, place: 0, memory: 0, idle: 0 }
    for (let i = 0; i < walks; i++) {
      const { turns, starts, evictions } = await walkFleet({ seed: first + i, steps })
      sum.turns += turns
      sum.starts += starts
      for (const reason of ['place', 'memory', 'idle'] as const) sum[reason] += evictions[reason]
    }
    console.info(`fleet: FLEET_SEED=${first}; ${walks} walks of ${steps} steps`, sum)
    expect(sum.turns).toBeGreaterThan(walks)
  })
})
