import { describe, expect, expectTypeOf, it } from 'vitest'
import { transition, initialTransition } from 'xstate'
import { createTestModel } from 'xstate/graph'
import type { LifecycleState } from '../../../src/machines/lifecycle.ts'
import {
  createLifecycleModel,
  metaOf,
  type Happening,
  type LifecycleMeta,
  type LifecycleModelOptions,
} from '../../../src/testing/index.ts'

/** Returns the state of the model after the given happenings. */
function after(options: LifecycleModelOptions, ...happenings: Happening[]) {
  const model = createLifecycleModel(options)
  let [state] = initialTransition(model)
  for (const type of happenings) [state] = transition(model, state, { type })
  return { ...metaOf(state), ...state.context, value: state.value }
}

describe('createLifecycleModel', () => {
  it('gives the lifecycle state and the number of live processes', () => {
    expect(after({})).toMatchObject({ lifecycle: 'idle', alive: 0 })
    expect(after({}, 'start', 'becomes healthy')).toMatchObject({ lifecycle: 'healthy', alive: 1 })
  })

  it('restarts at most maxRestarts times', () => {
    const crashes = ['start', 'crashes', 'cools down', 'crashes', 'cools down'] as const
    expect(after({}, ...crashes)).toMatchObject({ lifecycle: 'probing', spent: 2 })
    expect(after({}, ...crashes, 'crashes')).toMatchObject({ lifecycle: 'failed' })
    expect(after({ maxRestarts: 0 }, 'start', 'crashes')).toMatchObject({ lifecycle: 'failed' })
    expect(after({ maxRestarts: 0 }, 'cannot be spawned')).toMatchObject({ lifecycle: 'failed' })
  })

  it('is wedged after unhealthyThreshold lost probes, but not while a turn runs', () => {
    const lost = ['loses a probe', 'loses a probe', 'loses a probe'] as const
    const healthy = ['start', 'becomes healthy'] as const
    expect(after({ unhealthyThreshold: 4 }, ...healthy, ...lost)).toMatchObject({ value: 'healthy', lost: 3 })
    expect(after({ unhealthyThreshold: 3 }, ...healthy, ...lost)).toMatchObject({ value: 'wedged' })
    expect(after({}, ...healthy, 'turn', ...lost)).toMatchObject({ value: 'healthy', lost: 2 })
  })

  it('leaves out turns and the happenings of `without`', () => {
    expect(createLifecycleModel().events).toEqual(
      expect.arrayContaining(['turn', 'cancel', 'wedges', 'ends']),
    )
    const { events } = createLifecycleModel({ turns: false, without: ['wedges'] })
    for (const left of ['turn', 'cancel', 'answers the turn', 'wedges']) expect(events).not.toContain(left)
    expect(events).toContain('ends')
  })

  it('works with createTestModel and any subject', async () => {
    const without = ['wedges', 'loses a probe', 'reconfigure', 'exceeds its memory'] as const
    const model = createTestModel(createLifecycleModel({ turns: false, maxRestarts: 0, without }))
    let passed = 0
    const states = {
      healthy: () => {
        passed++
      },
      '*': () => undefined,
    }
    for (const path of model.getShortestPaths()) await path.test({ events: {}, states })
    expect(passed).toBeGreaterThan(0)
  })

  it('has types of its happenings and its meta', () => {
    expectTypeOf(metaOf).returns.toEqualTypeOf<LifecycleMeta>()
    expectTypeOf<LifecycleMeta>().toEqualTypeOf<{ lifecycle: LifecycleState; alive: 0 | 1 }>()
    // @ts-expect-error no such happening
    expect(createLifecycleModel({ without: ['explodes'] }).events).toContain('start')
  })
})
