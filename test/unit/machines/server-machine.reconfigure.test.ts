import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import {
  BinaryNotFoundError,
  HomeLockedError,
  InvalidOptionsError,
  PortInUseError,
  ReconfigureError,
  ServerExitedError,
  StoppedError,
} from '../../../src/errors.ts'
import { secretOptions } from '../../../src/config/compiled-options.ts'
import type { ReconfigureOptions } from '../../../src/config/options.ts'
import { reconfigure } from '../../../src/api/reconfigure.ts'
import { startServer, type TestServer } from '../../support/machine-harness.ts'

/** Calls `reconfigure`; the result can be read without waiting. */
function change(server: TestServer, patch: ReconfigureOptions) {
  const outcome: { state: 'pending' | 'done' | 'rejected'; error?: unknown } = { state: 'pending' }
  reconfigure(server.actor, patch).then(
    () => (outcome.state = 'done'),
    (error: unknown) => Object.assign(outcome, { state: 'rejected', error }),
  )
  return outcome
}

const apiKey = 'sk-another-key-123'
const keyOf = (server: TestServer) => secretOptions(server.options).apiKey

describe('reconfigure', () => {
  it('restarts a healthy server with the new configuration', async () => {
    const server = startServer()
    await server.beHealthy()
    const changed = change(server, { proxy: { apiKey }, models: ['other'] })
    await server.advance()
    expect(changed.state).toBe('done')
    expect(server.states).toEqual(
      'idle configuring spawning probing healthy reaping configuring spawning probing healthy'.split(' '),
    )
    expect(keyOf(server)).toBe(apiKey)
    expect(server.options.values.models).toEqual([{ id: 'other' }])
    expect(server.options.values.proxy).toEqual({ providerId: 'litellm', name: 'LiteLLM' })
    expect(server.context()).toMatchObject({ restarts: 1, restartTimes: [], reason: undefined })
  })

  it('accepts the deprecated alias providerID', async () => {
    const named = (providerID: string): object => ({ providerID })
    const server = startServer({
      proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey, ...named('before') },
    })
    expect(server.options.values.proxy).toEqual({ providerId: 'before', name: 'LiteLLM' })
    change(server, { proxy: named('after') })
    await server.advance()
    expect(server.options.values.proxy).toEqual({ providerId: 'after', name: 'LiteLLM' })
  })

  it('keeps the old configuration until running turns have finished; waiting turns get the new configuration', async () => {
    const server = startServer()
    const running = server.turn()
    await server.advance()
    const changed = change(server, { models: ['other'] })
    const waiting = server.turn()
    await server.advance(60_000)
    expect(changed.state).toBe('pending')
    expect(server.context()).toMatchObject({ reason: 'reconfigured' })
    expect(server.options.values.models).toEqual([{ id: 'gpt-4o' }])
    await server.answer(running)
    await server.answer(waiting)
    expect(changed.state).toBe('done')
    expect(server.world.client.models).toEqual(['gpt-4o', 'other'])
    expect([running, waiting].map(({ replies }) => replies.at(-1)?.kind)).toEqual(['final', 'final'])
  })

  it('is the reason of each state until the server is healthy again', async () => {
    const server = startServer()
    await server.beHealthy()
    server.world.script.spawn = 'silent'
    change(server, { models: ['other'] })
    await server.advance()
    expect([server.state(), server.context().reason]).toEqual(['probing', 'reconfigured'])
  })

  it('rejects an invalid patch and changes nothing', async () => {
    const server = startServer()
    await server.beHealthy()
    for (const patch of [
      { models: [] },
      { proxy: { baseURL: 'nowhere' } },
      { proxy: { unknown: 1 } },
      { proxy: 7 },
      { home: '/elsewhere' },
      { env: { 'A=B': 'c' } },
      null,
    ])
      await expect(reconfigure(server.actor, patch as ReconfigureOptions)).rejects.toBeInstanceOf(
        InvalidOptionsError,
      )
    await server.advance()
    expect(server.world.spawns).toBe(1)
  })

  it.each<[string, ReconfigureOptions]>([
    ['nothing', {}],
    ['the present values', { proxy: { apiKey: 'sk-the-proxy-key' }, models: ['gpt-4o'], env: {} }],
    ['undefined values', { proxy: { name: undefined as unknown as string } }],
  ])('does not restart the server for a patch with %s', async (_what, patch) => {
    const server = startServer()
    await server.beHealthy()
    const changed = change(server, patch)
    await server.advance()
    expect(changed.state).toBe('done')
    expect(server.world.spawns).toBe(1)
  })

  it('does not start an idle server; the next start uses the new configuration', async () => {
    const server = startServer()
    const changed = change(server, { proxy: { apiKey } })
    await server.advance()
    expect([changed.state, server.state(), keyOf(server)]).toEqual(['done', 'idle', apiKey])
    await server.beHealthy()
  })

  it.each(['configuring', 'spawning', 'probing'] as const)('restarts a start in %s', async (state) => {
    const hanging = {
      configuring: { prepare: 'hangs' },
      spawning: { spawn: 'pending' },
      probing: { spawn: 'silent' },
    }
    const server = startServer({}, hanging[state] as object)
    const asked = server.ensure()
    await server.advance()
    expect(server.state()).toBe(state)
    const reasons: unknown[] = []
    server.actor.subscribe(({ context }) => reasons.push(context.reason))
    Object.assign(server.world.script, { prepare: 'ok', spawn: 'listens' })
    const changed = change(server, { proxy: { apiKey } })
    if (state === 'spawning') server.world.process.spawned()
    await server.advance()
    expect([asked.state, changed.state, keyOf(server)]).toEqual(['healthy', 'done', apiKey])
    const isReplaced = state !== 'configuring'
    expect(server.context().restarts).toBe(isReplaced ? 1 : 0)
    expect(reasons.includes('reconfigured')).toBe(isReplaced)
  })

  it('rolls back to the last healthy configuration if the server fails with the new configuration, and rejects', async () => {
    const server = startServer()
    await server.beHealthy()
    server.world.script.spawn = 'exits'
    const seen: unknown[] = []
    server.actor.subscribe(({ context }) => {
      if (context.reason === 'rolled back') server.world.script.spawn = 'listens'
      seen.push(context.reason)
    })
    const changed = change(server, { proxy: { apiKey }, models: ['other'] })
    const turn = server.turn()
    await server.advance()
    expect(server.state()).toBe('healthy')
    expect(changed.error).toBeInstanceOf(ReconfigureError)
    expect(changed.error).toMatchObject({
      code: 'ERR_OPENCODE_RECONFIGURE',
      message: expect.stringMatching(
        /did not become healthy.*the last healthy configuration is in use again: .*crashed/,
      ) as string,
      cause: expect.any(ServerExitedError) as Error,
    })
    expect(seen).toContain('rolled back')
    expect(keyOf(server)).toBe('sk-the-proxy-key')
    expect([server.world.spawns, server.context().restarts]).toEqual([3, 2])
    await server.answer(turn)
    expect(server.world.client.models).toEqual(['gpt-4o'])
  })

  it('rolls back if the new configuration cannot be prepared', async () => {
    const server = startServer()
    await server.beHealthy()
    server.world.script.prepare = new Error('read-only')
    server.actor.subscribe(({ context }) => {
      if (context.reason === 'rolled back') server.world.script.prepare = 'ok'
    })
    const changed = change(server, { proxy: { apiKey } })
    await server.advance()
    expect([changed.state, server.state(), keyOf(server)]).toEqual([
      'rejected',
      'healthy',
      'sk-the-proxy-key',
    ])
    expect([server.world.spawns, server.context().restarts]).toEqual([2, 1])
    expect(changed.error).toMatchObject({ message: expect.stringMatching(/read-only/) as string })
  })

  it('does not report a rollback if the server fails with the old configuration too', async () => {
    const server = startServer({ maxRestarts: 0 })
    await server.beHealthy()
    server.world.script.spawn = 'exits'
    const changed = change(server, { proxy: { apiKey } })
    await server.advance(100_000)
    expect(server.state()).toBe('failed')
    expect(changed.error).toBeInstanceOf(ReconfigureError)
    expect(String(changed.error)).not.toContain('in use again')
    expect(keyOf(server)).toBe('sk-the-proxy-key')
  })

  it('rejects without a rollback if no configuration was healthy before', async () => {
    const server = startServer({ maxRestarts: 0 }, { spawn: 'silent' })
    server.ensure()
    await server.advance()
    server.world.script.spawn = 'exits'
    const changed = change(server, { proxy: { apiKey } })
    await server.advance(100_000)
    expect([changed.state, server.state(), keyOf(server)]).toEqual(['rejected', 'failed', apiKey])
  })

  it('starts at once if the server waits for a restart', async () => {
    const server = startServer({ backoffInitialMs: 30_000 }, { spawn: 'exits' })
    server.ensure({ deadlineMs: 100_000 })
    await server.advance()
    expect(server.state()).toBe('reaping')
    server.world.script.spawn = 'listens'
    const changed = change(server, { proxy: { apiKey } })
    await server.advance()
    expect([changed.state, server.state(), keyOf(server)]).toEqual(['done', 'healthy', apiKey])
    expect(server.context()).toMatchObject({ restarts: 1, restartTimes: [] })
  })

  it('starts also if the restart budget is spent', async () => {
    const server = startServer({ maxRestarts: 0 }, { endsOn: 'nothing' })
    await server.beHealthy()
    server.world.process.exit()
    server.world.script.leftovers = [1, 1]
    const changed = change(server, { proxy: { apiKey } })
    await server.advance(1_000)
    expect([changed.state, server.state(), keyOf(server)]).toEqual(['done', 'healthy', apiKey])
    expect(server.context()).toMatchObject({ restarts: 1, restartTimes: [] })
  })

  it('takes effect at the next start of a failed server', async () => {
    const server = startServer({ maxRestarts: 0 }, { spawn: 'exits' })
    server.ensure()
    await server.advance()
    const changed = change(server, { proxy: { apiKey } })
    await server.advance()
    expect([changed.state, server.state()]).toEqual(['done', 'failed'])
    server.world.script.spawn = 'listens'
    await server.beHealthy()
    expect(keyOf(server)).toBe(apiKey)
  })

  it('uses the last of several configurations, and resolves for all callers', async () => {
    const server = startServer()
    const running = server.turn()
    await server.advance()
    const first = change(server, { models: ['b'] })
    const second = change(server, { proxy: { apiKey } })
    const same = change(server, { models: ['b'] })
    await server.answer(running)
    expect([first.state, second.state, same.state]).toEqual(['done', 'done', 'done'])
    expect(server.options.values.models).toEqual([{ id: 'b' }])
    expect(keyOf(server)).toBe(apiKey)
    expect(server.world.spawns).toBe(2)
  })

  it('can be called again after a rollback', async () => {
    const server = startServer()
    await server.beHealthy()
    server.world.script.spawn = 'exits'
    const subscription = server.actor.subscribe(({ context }) => {
      if (context.reason === 'rolled back') server.world.script.spawn = 'listens'
    })
    change(server, { models: ['broken'] })
    await server.advance()
    subscription.unsubscribe()
    const next = change(server, { proxy: { apiKey } })
    await server.advance()
    expect([next.state, keyOf(server)]).toEqual(['done', apiKey])
    expect(server.options.values.models).toEqual([{ id: 'gpt-4o' }])
  })

  it('rejects when the server is stopped, and takes effect at the next start', async () => {
    const server = startServer()
    server.turn()
    await server.advance()
    const changed = change(server, { proxy: { apiKey } })
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(changed.error).toBeInstanceOf(StoppedError)
    expect([server.state(), keyOf(server)]).toEqual(['idle', apiKey])
  })

  it.each(['reaping', 'configuring', 'spawning', 'probing'])(
    'rejects when the server is stopped in %s',
    async (at) => {
      const server = startServer()
      await server.beHealthy()
      let isStopped = false
      server.actor.subscribe(() => {
        if (isStopped || server.state() !== at) return
        isStopped = true
        server.send({ type: 'server.stop' })
      })
      const changed = change(server, { models: ['other'] })
      await server.advance()
      expect(changed.error).toBeInstanceOf(StoppedError)
      expect(server.state()).toBe('idle')
    },
  )

  it('combines with another call, also if both calls happen during a transition', async () => {
    const server = startServer()
    await server.beHealthy()
    const changes: ReturnType<typeof change>[] = []
    server.actor.subscribe(() => {
      if (changes.length > 0) return
      changes.push(change(server, { models: ['other'] }), change(server, { proxy: { apiKey } }))
    })
    server.send({ type: 'server.start' })
    await server.advance()
    expect(changes.map(({ state }) => state)).toEqual(['done', 'done'])
    expect(server.options.values.models).toEqual([{ id: 'other' }])
    expect(keyOf(server)).toBe(apiKey)
  })

  it.each([
    ['home', HomeLockedError],
    ['binary', BinaryNotFoundError],
    ['port', PortInUseError],
  ])('keeps the new configuration if the start fails for an unrelated reason: the %s', async (_, Refusal) => {
    const server = startServer()
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    await server.advance()
    await reconfigure(server.actor, { proxy: { apiKey } })
    server.world.script.prepare = new Refusal('not now')
    const refused = server.ensure()
    await server.advance()
    expect(refused.error).toBeInstanceOf(Refusal)
    server.world.script.prepare = 'ok'
    await server.beHealthy()
    expect(keyOf(server)).toBe(apiKey)
  })

  it('rejects on a closed server', async () => {
    const server = startServer()
    server.actor.stop()
    await expect(reconfigure(server.actor, {})).rejects.toBeInstanceOf(StoppedError)
  })

  it('masks the old key and the new key', async () => {
    const server = startServer()
    await server.beHealthy()
    change(server, { proxy: { apiKey }, env: { MY_TOKEN: 'tok-123456' } })
    await server.advance()
    const all = inspect([server.inspections, server.actor.getSnapshot()], { depth: 5 })
    for (const secret of ['sk-the-proxy-key', apiKey, 'tok-123456']) {
      expect(all).not.toContain(secret)
      expect(server.options.secrets.mask(`x ${secret} y`)).toBe('x *** y')
    }
  })

  it('starts the new configuration if the old server crashes during the drain', async () => {
    const server = startServer()
    const running = server.turn()
    await server.advance()
    const changed = change(server, { proxy: { apiKey } })
    server.world.process.exit()
    await server.advance(1_000)
    expect([changed.state, server.state(), keyOf(server)]).toEqual(['done', 'healthy', apiKey])
    expect(running.replies).toMatchObject([{ code: 'server_died' }])
  })

  it('rejects with StoppedError if a subscriber stops the actor', async () => {
    const server = startServer()
    await server.beHealthy()
    server.actor.subscribe((snapshot) => {
      if (snapshot.context.pending !== undefined) server.actor.stop()
    })
    const changed = change(server, { models: ['other'] })
    await server.advance()
    expect(changed).toMatchObject({ state: 'rejected', error: { name: 'StoppedError' } })
  })
})
