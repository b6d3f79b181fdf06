import { describe, expect, test } from 'vitest'
import { jain, quantile, randomOf, simulate, usedMs, type Caller, type Ran } from './simulation.ts'

const wide = { maxRunningTurns: 1_000, maxQueuedTurns: 100_000 }
const between = (random: () => number, low: number, high: number) => () =>
  Math.round(low + (high - low) * random())
const waitsOf = (ran: readonly Ran[]) => ran.map(({ at, startedAt }) => startedAt - at)

describe('a fleet with 8 places', () => {
  const places = 8

  test('gives equal tenants equal running time, though their turns take 0.5 to 8 s', () => {
    const random = randomOf(1)
    const callers = Array.from({ length: 20 }, (_, i): Caller => {
      const mean = 500 + i * 395
      return { tenant: `t${i}`, width: 3, serviceMs: between(random, mean * 0.5, mean * 1.5) }
    })
    const used = usedMs(simulate({ places, untilMs: 600_000 }, callers))
    expect(used.size).toBe(20)
    expect(jain([...used.values()])).toBeGreaterThanOrEqual(0.95)
  })

  test('gives a tenant of weight 3 three times the running time of one of weight 1', () => {
    const random = randomOf(2)
    const shares = { light: { ...wide, weight: 1 }, heavy: { ...wide, weight: 3 } }
    const callers = ['light', 'heavy'].map((tenant): Caller => {
      return { tenant, width: 40, serviceMs: between(random, 500, 3_000) }
    })
    const used = usedMs(simulate({ places, untilMs: 600_000, shares }, callers))
    const ratio = (used.get('heavy') ?? 0) / (used.get('light') ?? 0)
    expect(ratio).toBeGreaterThan(2.7)
    expect(ratio).toBeLessThan(3.3)
  })

  test('lets 19 light tenants wait no longer than a running turn and one more, while another floods 2,000 turns', () => {
    const random = randomOf(3)
    const flooder: Caller = {
      tenant: 'flooder',
      width: 2_000,
      turns: 2_000,
      serviceMs: between(random, 500, 4_000),
    }
    const light = Array.from({ length: 19 }, (_, i): Caller => {
      const thinkMs = between(random, 5_000, 15_000)
      return { tenant: `light${i}`, from: thinkMs(), thinkMs, serviceMs: between(random, 500, 1_500) }
    })
    const ran = simulate({ places, untilMs: 400_000 }, [flooder, ...light])
    const lightOnes = ran.filter(({ tenant }) => tenant !== 'flooder')
    expect(lightOnes.length).toBeGreaterThan(400)
    // The flood lasts for the whole time.
    expect(ran.length - lightOnes.length).toBeLessThan(2_000)
    const longest = Math.max(...ran.map(({ startedAt, endedAt }) => endedAt - startedAt))
    const service = quantile(
      lightOnes.map(({ startedAt, endedAt }) => endedAt - startedAt),
      0.5,
    )
    expect(quantile(waitsOf(lightOnes), 0.99)).toBeLessThanOrEqual(longest + service)
  })

  test('gives a flooding agent no more than the other agents of its tenant', () => {
    const flooder: Caller = { tenant: 't', agentId: 'flooder', width: 2_000, serviceMs: () => 1_000 }
    const others = Array.from({ length: 9 }, (_, i): Caller => {
      return { tenant: 't', agentId: `a${i}`, width: 3, serviceMs: () => 1_000 }
    })
    const ran = simulate({ places, untilMs: 200_000 }, [flooder, ...others])
    const agents = ['flooder', ...others.map(({ agentId }) => agentId)]
    const counts = agents.map((id) => ran.filter(({ agentId }) => agentId === id).length)
    expect(jain(counts)).toBeGreaterThanOrEqual(0.95)
  })
})

describe('a tenant that pauses', () => {
  const busy: Caller = { tenant: 'busy', width: 20, serviceMs: () => 1_000 }

  test('gets half of the places when it comes back, not those of its pause too', () => {
    const late: Caller = { ...busy, tenant: 'late', from: 100_000 }
    const used = usedMs(simulate({ places: 4, untilMs: 201_000 }, [busy, late]), 100_000, 200_000)
    expect((used.get('late') ?? 0) / (used.get('busy') ?? 0)).toBeCloseTo(1, 1)
  })

  test('gains nothing by pausing while nothing runs either', () => {
    const before: Caller = { ...busy, turns: 400 }
    const again: Caller = { ...busy, from: 200_000 }
    const late: Caller = { ...busy, tenant: 'late', from: 200_000 }
    const used = usedMs(simulate({ places: 4, untilMs: 301_000 }, [before, late, again]), 200_000, 300_000)
    expect((used.get('late') ?? 0) / (used.get('busy') ?? 0)).toBeCloseTo(1, 1)
  })

  test('gains nothing by leaving and coming back between its turns', () => {
    const leaving: Caller = { tenant: 'leaving', thinkMs: () => 1, serviceMs: () => 1_000 }
    const used = usedMs(simulate({ places: 1, untilMs: 100_000 }, [busy, leaving]))
    expect((used.get('leaving') ?? 0) / (used.get('busy') ?? 0)).toBeLessThanOrEqual(1.05)
  })
})

describe('ageing', () => {
  test('lets a turn of priority 0 start after about 9 minutes, however many of priority 9 arrive', () => {
    const urgent: Caller = { tenant: 't', agentId: 'urgent', priority: 9, width: 4, serviceMs: () => 5_000 }
    const patient: Caller = {
      tenant: 't',
      agentId: 'patient',
      priority: 0,
      turns: 1,
      from: 1_000,
      serviceMs: () => 1_000,
    }
    const ran = simulate({ places: 2, untilMs: 900_000 }, [urgent, patient])
    const [waited = NaN] = waitsOf(ran.filter(({ agentId }) => agentId === 'patient'))
    expect(waited).toBeGreaterThan(8 * 60_000)
    expect(waited).toBeLessThanOrEqual(10 * 60_000 + 5_000)
  })
})
