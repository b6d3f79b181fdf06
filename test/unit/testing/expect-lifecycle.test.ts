import { AssertionError } from 'node:assert'
import { Subject } from 'rxjs'
import { describe, expect, expectTypeOf, it } from 'vitest'
import type { OpenCodeServer, ServerActorRef } from '../../../src/index.ts'
import { lifecycle$ } from '../../../src/api/lifecycle.ts'
import { type Lifecycle, type LifecycleState } from '../../../src/machines/lifecycle.ts'
import { expectLifecycle, type LifecycleSource } from '../../../src/testing/index.ts'
import { startServer } from '../../support/machine-harness.ts'

const started: LifecycleState[] = ['idle', 'configuring', 'spawning', 'probing', 'healthy']

/** A lifecycle that says what it is told to. */
function told(...states: LifecycleState[]) {
  const source = new Subject<Lifecycle>()
  const lifecycle = expectLifecycle(source)
  const tell = (state: LifecycleState, restarts = 0): void => source.next({ state, at: 0, restarts })
  for (const state of states) tell(state)
  return { lifecycle, source, tell }
}

describe('expectLifecycle', () => {
  it.each<[string, (actor: ServerActorRef) => LifecycleSource]>([
    ['an actor', (actor) => actor],
    ['a lifecycle$', (actor) => lifecycle$(actor)],
    ['a server', (actor) => ({ lifecycle$: lifecycle$(actor) })],
  ])('reads %s, from its present state on', async (_what, sourceOf) => {
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

  it('counts a state once, however much of it changes', () => {
    const { lifecycle } = told('healthy', 'healthy', 'reaping')
    lifecycle.toPass(['healthy', 'reaping'])
    expect(lifecycle.changes).toHaveLength(3)
  })

  it.each<[LifecycleState[]]>([[['idle']], [['idle', 'spawning', 'configuring']], [[...started]]])(
    'throws with the difference: %s',
    (states) => {
      const { lifecycle } = told('idle', 'configuring', 'spawning')
      expect(() => lifecycle.toPass(states)).toThrow(AssertionError)
      expect(() => lifecycle.toPass(states)).toThrow(/other states than these:[^]*[+-] +'\w+'/)
    },
  )

  it('throws where the server goes where no lifecycle does', () => {
    const { lifecycle } = told('idle', 'configuring', 'healthy')
    const message =
      'No lifecycle goes configuring → healthy; it goes configuring → spawning or reaping or failed or idle'
    expect(() => lifecycle.toPass(['idle', 'configuring', 'healthy'])).toThrow(message)
    expect(() => lifecycle.toBeDeclared()).toThrow(AssertionError)
  })

  it('waits for a state, and says what came instead', async () => {
    const { lifecycle, source, tell } = told('idle')
    await lifecycle.until('idle')
    const [soon, never] = [lifecycle.until('configuring'), lifecycle.until('failed')]
    tell('configuring')
    expect(await soon).toBe(lifecycle)
    source.complete()
    await expect(never).rejects.toThrow('The lifecycle ended: failed. It passed idle → configuring')
    const late = expectLifecycle(new Subject()).until('healthy', { timeoutMs: 1 })
    await expect(late).rejects.toThrow('did not come to it within 1 ms: healthy. It passed nothing')
    await expect(late).rejects.toBeInstanceOf(AssertionError)
  })

  it('waits for anything that a function says', async () => {
    const { lifecycle, tell } = told('healthy')
    const back = lifecycle.until(({ state, restarts }) => state === 'healthy' && restarts === 1)
    for (const state of ['reaping', 'configuring', 'spawning', 'probing'] as const) tell(state)
    tell('healthy', 1)
    await back
    const fails = lifecycle.until(() => {
      throw new TypeError('a defect of the test')
    })
    await expect(fails).rejects.toThrow('a defect of the test')
  })

  it('takes a server, and knows its states', () => {
    expectTypeOf(expectLifecycle).parameter(0).toExtend<LifecycleSource>()
    expectTypeOf<OpenCodeServer>().toExtend<LifecycleSource>()
    expectTypeOf<ServerActorRef>().toExtend<LifecycleSource>()
    const { lifecycle } = told('idle')
    // @ts-expect-error no such state
    expect(() => lifecycle.toPass(['running'])).toThrow(AssertionError)
  })
})
