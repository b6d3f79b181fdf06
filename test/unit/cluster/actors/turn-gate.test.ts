import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TurnGate } from '../../../../src/cluster/actors/turn-gate.ts'

const forever = new AbortController().signal
const settled = () => new Promise(setImmediate)

describe('A gate for turns', () => {
  it('gives a free place to the tenant with the fewest running turns, then by priority, then by age', async () => {
    const gate = new TurnGate(2)
    const entered: string[] = []
    const leaves = new Map<string, () => void>()
    const enter = (name: string, tenant: string, priority = 5): void =>
      void gate.enter(tenant, priority, forever).then((leave) => {
        entered.push(name)
        if (leave) leaves.set(name, leave)
      })
    enter('loud1', 'loud')
    enter('loud2', 'loud')
    enter('loud3', 'loud')
    enter('loud4', 'loud', 9)
    enter('quiet1', 'quiet')
    await settled()
    expect(entered).toEqual(['loud1', 'loud2'])
    for (const name of ['loud1', 'loud2', 'quiet1', 'loud4']) {
      leaves.get(name)?.()
      leaves.get(name)?.()
      await settled()
    }
    expect(entered.slice(2)).toEqual(['quiet1', 'loud4', 'loud3'])
  })

  it('gives no place to a turn whose signal aborts, and never more places than it has', async () => {
    const acts = fc.array(fc.record({ tenant: fc.constantFrom('a', 'b', 'c'), aborts: fc.boolean() }), {
      maxLength: 30,
    })
    await fc.assert(
      fc.asyncProperty(acts, fc.integer({ min: 1, max: 4 }), async (turns, places) => {
        const gate = new TurnGate(places)
        let [inside, most, done] = [0, 0, 0]
        const all = turns.map(async ({ tenant, aborts }) => {
          const abort = new AbortController()
          const entering = gate.enter(tenant, 5, abort.signal)
          if (aborts) abort.abort()
          const leave = await entering
          done++
          if (!leave) return
          most = Math.max(most, ++inside)
          await settled()
          inside--
          leave()
        })
        await Promise.all(all)
        expect(done).toBe(turns.length)
        expect(most).toBeLessThanOrEqual(places)
      }),
      { numRuns: 50 },
    )
  })
})
