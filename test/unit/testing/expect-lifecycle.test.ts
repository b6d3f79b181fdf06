import { AssertionError } from 'node:assert'
import { Subject } from 'rxjs'
import { describe, expect, expectTypeOf, it } from 'vitest'
import type { OpenCodeServer, ServerActorRef } from '../../../src/index.ts'
import { lifecycle$ } from '../../../src/api/lifecycle.ts'
import { type Lifecycle, type LifecycleState } from '../../../src/machines/lifecycle.ts'
import { expectLifecycle, type LifecycleSource } from '../../../src/testing/index.ts'
import { startServer } from '../../support/machine-harness.ts'

const started: LifecycleState[] = ['idle', 'configuring', 'spawning', 'probing', 'healthy']

/** Returns an expectation of a lifecycle that emits the given states. */
function lifecycleOf(...states: LifecycleState[]) {
  const source = new Subject<Lifecycle>()
  const lifecycle = expectLifecycle(source)
  const emit = (state: LifecycleState, restarts = 0): void => source.next({ state, at: 0, restarts })
  for (const state of states) emit(state)
  return { lifecycle, source, emit }
}

describe('expectLifecycle', () => {
  it.each<[string, (actor: ServerActorRef) => LifecycleSource]>([
    ['an actor', (actor) => actor],
    ['a lifecycle$', (actor) => lifecycle$(actor)],
    ['a server', (actor) => ({ lifecycle$: lifecycle$(actor) })],
  ])('reads %s from its current state on', async (_what, sourceOf) => {
    const server = startServer()
    const lifecycle = expectLifecycle(sourceOf(server.actor))
    lifecycle.toPass(['idle'])
    await server.beHealthy()
    lifecycle.toPass(started)
    server.send({ type: 'server.stop' })
    await server.advance()
    lifecycle.toPass([...started, 'reaping', 'idle'])
    expect(lifecycle.changes.find(({ state }) => state === 'healthy')?.pid).toBe(1001)
  })

  it('counts consecutive changes of one state once', () => {
    const { lifecycle } = lifecycleOf('healthy', 'healthy', 'reaping')
    lifecycle.toPass(['healthy', 'reaping'])
    expect(lifecycle.changes).toHaveLength(3)
  })

  it.each<[LifecycleState[]]>([[['idle']], [['idle', 'spawning', 'configuring']], [[...started]]])(
    'throws with the difference: %s',
    (states) => {
      const { lifecycle } = lifecycleOf('idle', 'configuring', 'spawning')
      expect(() => lifecycle.toPass(states)).toThrow(AssertionError)
      expect(() => lifecycle.toPass(states)).toThrow(/differ from the expected states:[^]*[+-] +'\w+'/)
    },
  )

  it('throws for a transition that the lifecycle does not declare', () => {
    const { lifecycle } = lifecycleOf('idle', 'configuring', 'healthy')
    const message =
      'declares no transition configuring → healthy, only configuring → spawning or reaping or failed or idle'
    expect(() => lifecycle.toPass(['idle', 'configuring', 'healthy'])).toThrow(message)
    expect(() => lifecycle.toBeDeclared()).toThrow(AssertionError)
  })

  it('until waits for a state, and rejects with the states so far', async () => {
    const { lifecycle, source, emit } = lifecycleOf('idle')
    await lifecycle.until('idle')
    const [soon, never] = [lifecycle.until('configuring'), lifecycle.until('failed')]
    emit('configuring')
    expect(await soon).toBe(lifecycle)
    source.complete()
    await expect(never).rejects.toThrow(
      'The lifecycle ended before failed. States so far: idle → configuring',
    )
    const late = expectLifecycle(new Subject()).until('healthy', { timeoutMs: 1 })
    await expect(late).rejects.toThrow('did not reach healthy within 1 ms. States so far: none')
    await expect(late).rejects.toBeInstanceOf(AssertionError)
  })

  it('until waits until a function returns true', async () => {
    const { lifecycle, emit } = lifecycleOf('healthy')
    const back = lifecycle.until(({ state, restarts }) => state === 'healthy' && restarts === 1)
    for (const state of ['reaping', 'configuring', 'spawning', 'probing'] as const) emit(state)
    emit('healthy', 1)
    await back
    const fails = lifecycle.until(() => {
      throw new TypeError('a defect of the test')
    })
    await expect(fails).rejects.toThrow('a defect of the test')
  })

  it('accepts a server and its actor, and only known states', () => {
    expectTypeOf(expectLifecycle).parameter(0).toExtend<LifecycleSource>()
    expectTypeOf<OpenCodeServer>().toExtend<LifecycleSource>()
    expectTypeOf<ServerActorRef>().toExtend<LifecycleSource>()
    const { lifecycle } = lifecycleOf('idle')
    // @ts-expect-error no such state
    expect(() => lifecycle.toPass(['running'])).toThrow(AssertionError)
  })
})
