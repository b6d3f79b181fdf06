import { assign, StateMachine, type SnapshotFrom } from 'xstate'
import type { Happening, LifecycleMeta } from './happenings.ts'
import { lifecycleWorld } from './lifecycle-world.ts'

/** How large the world of {@link createLifecycleModel} is. */
export interface LifecycleModelOptions {
  /** Whether turns happen. Default true. */
  turns?: boolean
  /** As the server's option. Default 2. */
  maxRestarts?: number
  /** As the server's option. Default 2. */
  unhealthyThreshold?: number
  /**
   * Whether the host refuses something for the moment (`cannot be prepared for now`), and a turn has a failed server tried
   * again once the fault may have passed (`time passes` in `failed`). Default false.
   */
  hostFaults?: boolean
  /** What cannot be made to happen to the subject, or need not be. */
  without?: readonly Happening[]
}

/** What {@link createLifecycleModel} gives. */
export type LifecycleModel = typeof lifecycleWorld

const ofHostFaults = ['cannot be prepared for now', 'time passes in failed']
const turnHappenings: readonly Happening[] = ['turn', 'cancel', 'answers the turn']

/**
 * An abstract model of what happens to a server, and where each happening has to leave it, for `createTestModel` of
 * `xstate/graph`: its events are happenings, its states' `meta` says which state of the lifecycle that is and how many
 * processes live. One turn is open at a time. Nothing passes by itself: a process ends when `ends` happens, so a subject
 * has to hold its processes until then (one that swallows SIGTERM, with a long `stopGraceMs`), and `time passes` is longer
 * than its `idleTimeoutMs`, `drainMs` and `restartWindowMs`, which are longer than all else together. What cannot be made
 * to happen to it is left out by `without`.
 *
 * @example
 * const subject = await startSubject()
 * const events = {
 *   start: () => subject.server.actor.send({ type: 'server.start' }),
 *   'becomes healthy': () => subject.process.listen(),
 *   crashes: () => subject.process.exit(),
 *   // and so on: a function for each happening
 * }
 * const states = {
 *   '*': (state) => assert.equal(subject.lifecycle, metaOf(state).lifecycle),
 * }
 * const model = createTestModel(createLifecycleModel({ turns: false, without: ['wedges', 'reconfigure'] }))
 * for (const path of model.getShortestPaths()) await path.test({ events, states })
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

/** Where the real server has to be while the model is in a state. */
export function metaOf(state: SnapshotFrom<LifecycleModel>): LifecycleMeta {
  const [meta] = Object.values(state.getMeta())
  if (!meta) throw new Error(`The model is in no state: ${JSON.stringify(state.value)}`)
  return meta
}

/** Returns the model without some happenings, each of all states or (`time passes in failed`) of one. */
function prune(config: LifecycleModel['config'], left: ReadonlySet<string>): LifecycleModel['config'] {
  const states = Object.entries(config.states ?? {}).map(([key, state]) => {
    const isLeft = (happening: string) => left.has(happening) || left.has(`${happening} in ${key}`)
    const on = Object.entries(state.on ?? {}).filter(([happening]) => !isLeft(happening))
    return [key, { ...state, on: Object.fromEntries(on) }]
  })
  return { ...config, states: Object.fromEntries(states) as typeof config.states }
}
