import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CallerWalk } from '../support/caller-walk/caller-walk.ts'
import { commands, limits } from '../support/caller-walk/commands.ts'

const { CALLERS_SEED, CALLERS_PATH, CALLERS_REPLAY, CALLERS_WALKS } = process.env
const seed = CALLERS_SEED === undefined ? Math.trunc(Math.random() * 2 ** 31) : Number(CALLERS_SEED)
const numRuns = Number(CALLERS_WALKS ?? 150)

describe('A random walk of callers and hosts', { timeout: 120_000 + numRuns * 500 }, () => {
  it('ends each handle once, with what is stored, and leaves nothing behind', async () => {
    const sum = { turns: 0, handles: 0, answers: 0, ends: {} as Record<string, number> }
    const constraints = {
      maxCommands: 80,
      size: 'max' as const,
      ...(CALLERS_REPLAY !== undefined && { replayPath: CALLERS_REPLAY }),
    }
    const property = fc.asyncProperty(limits, fc.commands(commands, constraints), async (limited, walk) => {
      const real = new CallerWalk(limited)
      await real.begin()
      await fc.asyncModelRun(() => ({ model: {}, real }), walk)
      const { turns, handles, answers, ends } = await real.comeToRest()
      sum.turns += turns
      sum.handles += handles
      sum.answers += answers
      for (const [code, count] of Object.entries(ends)) sum.ends[code] = (sum.ends[code] ?? 0) + count
    })
    const replayed = CALLERS_PATH === undefined ? {} : { path: CALLERS_PATH }
    await fc
      .assert(property, { seed, numRuns, ...replayed })
      .finally(() => console.info(`callers: CALLERS_SEED=${seed}; ${numRuns} walks`, sum))
    expect(sum.turns).toBeGreaterThan(numRuns)
  })
})
