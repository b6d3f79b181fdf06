import fc from 'fast-check'
import { afterEach, describe, it, vi } from 'vitest'
import { createLifecycleModel } from '../../src/testing/lifecycle-model.ts'
import { beginnings, commands, FreeWalk } from '../support/free-walk.ts'
import { declared } from '../support/lifecycle-coverage.ts'
import { steps, walkOf } from '../support/predicted-walk.ts'

const { FC_SEED, FC_PATH, FC_REPLAY_PATH, FC_RUNS } = process.env
const seed = FC_SEED === undefined ? Math.trunc(Math.random() * 2 ** 31) : Number(FC_SEED)

/** Parameters from the environment: the printed values repeat the same walk and continue its shrinking. */
const parameters = (numRuns: number) => {
  const replayed = FC_PATH === undefined ? {} : { path: FC_PATH }
  return { seed, numRuns: FC_RUNS === undefined ? numRuns : Number(FC_RUNS), ...replayed }
}
const constraints = (maxCommands: number) => ({
  maxCommands,
  size: 'max' as const,
  ...(FC_REPLAY_PATH !== undefined && { replayPath: FC_REPLAY_PATH }),
})

/** Makes the machine's jitter depend on the walk. */
function useChance(state: number): void {
  let chance = state >>> 0
  vi.spyOn(Math, 'random').mockImplementation(() => {
    chance = (Math.imul(chance, 1_664_525) + 1_013_904_223) >>> 0
    return chance / 2 ** 32
  })
}

afterEach(() => vi.restoreAllMocks())

/** Statistics of the walks, including the walks of shrinking. */
class Walked {
  #walks = 0
  #steps = 0
  #longest = 0
  readonly #lifecycle = new Set<string>()

  note(steps: number, states: readonly string[]): void {
    this.#walks++
    this.#steps += steps
    this.#longest = Math.max(this.#longest, steps)
    states.slice(1).forEach((to, i) => this.#lifecycle.add(`${states[i] ?? ''} → ${to}`))
  }

  tell(what: string): void {
    console.info(
      `${what}: FC_SEED=${seed}; ${this.#walks} walks, ${this.#steps} steps, the longest ${this.#longest}; ` +
        `lifecycle transitions ${this.#lifecycle.size} of ${declared.length}`,
    )
  }
}

describe('A random walk', { timeout: Math.max(120_000, Number(FC_RUNS ?? 0) * 200) }, () => {
  it('follows the model far beyond the shortest paths', async () => {
    const model = createLifecycleModel()
    const walked = new Walked()
    const property = fc.asyncProperty(
      fc.integer(),
      fc.commands(steps(model), constraints(200)),
      async (chance, walk) => {
        useChance(chance)
        const setup = walkOf(model)
        await fc.asyncModelRun(() => setup, walk)
        await setup.real.finish()
        walked.note(setup.model.steps, setup.real.states)
      },
    )
    await fc.assert(property, parameters(200)).finally(() => walked.tell('predicted'))
  })

  it('breaks no rule for any events in any order, and comes to rest', async () => {
    const walked = new Walked()
    const walks = fc.commands(commands, constraints(100))
    const beginning = fc.constantFrom(...beginnings)
    const input = [fc.integer(), beginning, fc.boolean(), walks] as const
    const property = fc.asyncProperty(...input, async (chance, script, isCutShort, walk) => {
      useChance(chance)
      const free = new FreeWalk(script)
      await fc.asyncModelRun(() => ({ model: {}, real: free }), walk)
      if (!isCutShort) await free.settleDown()
      await free.server.finish()
      walked.note(free.steps, free.server.states)
    })
    await fc.assert(property, parameters(400)).finally(() => walked.tell('free'))
  })
})
