import { assign, StateMachine, type SnapshotFrom } from 'xstate'
import type { Happening, LifecycleMeta } from './happenings.ts'
import { lifecycleWorld } from './lifecycle-world.ts'

/** Size of the world of {@link createLifecycleModel}. */
export interface LifecycleModelOptions {
  /**
   * `true` to include turns.
   *
   * @defaultValue `true`
   */
  turns?: boolean
  /**
   * Same as the server's option.
   *
   * @defaultValue `2`
   */
  maxRestarts?: number
  /**
   * Same as the server's option.
   *
   * @defaultValue `2`
   */
  unhealthyThreshold?: number
  /**
   * `true` to include temporary refusals by the host (`cannot be prepared for now`), and a turn that retries
   * a failed server after the fault may have passed (`time passes` in `failed`).
   *
   * @defaultValue `false`
   */
  hostFaults?: boolean
  /** Happenings to leave out, because the subject cannot or need not have them. */
  without?: readonly Happening[]
}

/** Result of {@link createLifecycleModel}. */
export type LifecycleModel = typeof lifecycleWorld

const ofHostFaults = ['cannot be prepared for now', 'time passes in failed']
const turnHappenings: readonly Happening[] = ['turn', 'cancel', 'answers the turn']

/**
 * Returns an abstract model of what happens to a server, and of the state that each happening leads to, for
 * `createTestModel` of `xstate/graph`.
 * The model's events are happenings. The `meta` of each state gives the lifecycle state and the number of
 * live processes. At most one turn is open at a time.
 *
 * Nothing passes by itself. A process ends only with the happening `ends`, so the subject must keep its
 * processes alive until then (for example, processes that ignore SIGTERM, with a long `stopGraceMs`). `time
 * passes` is longer than the subject's `idleTimeoutMs`, `drainMs` and `restartWindowMs`, which are longer
 * than everything else together. Use `without` to leave out happenings that the subject cannot have.
 *
 * @param options - Size of the world.
 * @returns The machine of the model, for `createTestModel`.
 * @example
 * import assert from 'node:assert/strict'
 * import type { LifecycleState } from 'opencode-runtime'
 * import { createLifecycleModel, metaOf } from 'opencode-runtime/testing'
 * import { createTestModel } from 'xstate/graph'
 *
 * interface Subject {
 *   readonly lifecycle: LifecycleState
 *   start(): void
 *   crash(): void
 * }
 *
 * const model = createTestModel(createLifecycleModel({ turns: false, without: ['wedges', 'reconfigure'] }))
 *
 * export async function walk(startSubject: () => Promise<Subject>): Promise<void> {
 *   for (const path of model.getShortestPaths()) {
 *     const subject = await startSubject()
 *     await path.test({
 *       // One function for each happening.
 *       events: { start: () => subject.start(), crashes: () => subject.crash() },
 *       states: { '*': (state) => assert.equal(subject.lifecycle, metaOf(state).lifecycle) },
 *     })
 *   }
 * }
 */
export function createLifecycleModel({
  turns = true,
  maxRestarts = 2,
  unhealthyThreshold = 2,
  hostFaults = false,
  without = [],
}: LifecycleModelOptions = {}): LifecycleModel {
  const left = new Set<string>([
    ...without,
    ...(turns ? [] : turnHappenings),
    ...(hostFaults ? [] : ofHostFaults),
  ])
  const { config, implementations } = lifecycleWorld.provide({
    guards: {
      hasBudget: ({ context }) => context.spent < maxRestarts && !context.lastTry,
      mayPass: ({ context }) => context.mayPass,
      mayRestart: () => maxRestarts > 0,
      isLastStraw: ({ context }) => !context.turn && context.lost >= unhealthyThreshold - 1,
    },
    actions: {
      // Constant without `hostFaults`, so that the model does not grow.
      pass: assign({ mayPass: hostFaults }),
      lose: assign(({ context }) => ({ lost: Math.min(unhealthyThreshold, context.lost + 1) })),
    },
  })
  return new StateMachine(prune(config, left), implementations)
}

/**
 * Returns the lifecycle state and process count that the real server must have while the model is in a state.
 *
 * @param state - A snapshot of the model.
 * @returns The `meta` of the model's state.
 * @throws Error if the snapshot is not of the model.
 */
export function metaOf(state: SnapshotFrom<LifecycleModel>): LifecycleMeta {
  const [meta] = Object.values(state.getMeta())
  if (!meta) throw new Error(`The model state has no meta: ${JSON.stringify(state.value)}`)
  return meta
}

/**
 * Returns the config without some happenings, each removed from all states or (`time passes in failed`) from
 * one state.
 */
function prune(config: LifecycleModel['config'], left: ReadonlySet<string>): LifecycleModel['config'] {
  const states = Object.entries(config.states ?? {}).map(([key, state]) => {
    const isLeft = (happening: string) => left.has(happening) || left.has(`${happening} in ${key}`)
    const on = Object.entries(state.on ?? {}).filter(([happening]) => !isLeft(happening))
    return [key, { ...state, on: Object.fromEntries(on) }]
  })
  return { ...config, states: Object.fromEntries(states) as typeof config.states }
}
