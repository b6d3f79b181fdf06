import { describe, expect, it, onTestFinished } from 'vitest'
import { waitFor } from 'xstate'
import type { OpenCodeServer, OpenCodeServerOptions } from '../../src/index.ts'
import { collect, kinds, realServer } from '../support/real.ts'
import { ask, until } from '../support/server-api.ts'

const script = [{ match: 'Say hello', reply: { text: ['Hello', ' world'] } }]

/** Starts a server, and records how each warm-up ends. */
async function watchedServer(options: Partial<OpenCodeServerOptions> = {}) {
  const real = await realServer(script, options)
  onTestFinished(real.close)
  const ends: string[] = []
  real.server.actor.system.inspect(({ type, ...rest }) => {
    if (type !== '@xstate.event' || !('event' in rest)) return
    const [, end] = /^xstate\.(done|error)\.actor\..*\.warmUp\.running$/.exec(rest.event.type) ?? []
    if (end !== undefined) ends.push(end)
  })
  return { ...real, ends }
}

const untilWarm = (server: OpenCodeServer) =>
  waitFor(server.actor, (snapshot) => snapshot.matches({ healthy: { warmUp: 'done' } }), { timeout: 60_000 })

const isWarming = (server: OpenCodeServer) =>
  server.actor.getSnapshot().matches({ healthy: { warmUp: 'running' } })

const inDirectory = (server: OpenCodeServer): string =>
  `directory=${encodeURIComponent(server.actor.getSnapshot().context.options.values.directory)}`

/** Returns the sessions of the server, of its directory and of all directories. */
async function sessionsOf(server: OpenCodeServer): Promise<unknown[]> {
  const own = await ask<unknown[]>(server, `/session?${inDirectory(server)}`)
  return [...own, ...(await ask<unknown[]>(server, '/experimental/session'))]
}

describe('the warm-up of the real server', () => {
  it('sends no request to the model, leaves no session, and does not change later turns', async () => {
    const { server, model, ends } = await watchedServer()
    await server.ensureRunning()
    expect(isWarming(server)).toBe(true)
    await untilWarm(server)
    expect(ends).toEqual(['done'])
    expect(model.requests).toEqual([])
    expect(await sessionsOf(server)).toEqual([])
    const replies = await collect(server.turn('Say hello'))
    expect(kinds(replies)).toEqual(['delta', 'delta', 'final'])
    expect(model.requests.map(({ kind }) => kind)).toEqual(['chat'])
    // Both lists show the session of the turn, so the empty lists above are meaningful.
    expect(await sessionsOf(server)).toHaveLength(2)
  })

  it('does not delay a turn that comes meanwhile', async () => {
    const { server, model, ends } = await watchedServer()
    await server.ensureRunning()
    expect(isWarming(server)).toBe(true)
    const replies = await collect(server.turn('Say hello'))
    expect(kinds(replies)).toEqual(['delta', 'delta', 'final'])
    expect(replies.at(-1)).toMatchObject({ content: 'Hello world', finish_reason: 'stop' })
    expect(model.requests.map(({ kind }) => kind)).toEqual(['chat'])
    await untilWarm(server)
    expect(ends).toEqual(['done'])
  })

  it('leaves no session when it is stopped', async () => {
    const { server, model, ends } = await watchedServer()
    await server.ensureRunning()
    await until('the warm-up has its session', async () => (await sessionsOf(server)).length > 0)
    expect(isWarming(server)).toBe(true)
    await server.stop()
    expect(ends).toEqual([])
    await server.ensureRunning()
    await untilWarm(server)
    expect(ends).toEqual(['done'])
    expect(model.requests).toEqual([])
    expect(await sessionsOf(server)).toEqual([])
  })

  it('leaves no session after the next warm-up when it is killed', async () => {
    const { server, model, ends } = await watchedServer()
    await server.ensureRunning()
    await until('the warm-up has its session', async () => (await sessionsOf(server)).length > 0)
    expect(isWarming(server)).toBe(true)
    process.kill(server.pid ?? 0, 'SIGKILL')
    await waitFor(server.actor, ({ context }) => context.restarts === 1, { timeout: 60_000 })
    await untilWarm(server)
    expect(ends.at(-1)).toBe('done')
    expect(await sessionsOf(server)).toEqual([])
    expect((await server.turn('Say hello').done).kind).toBe('final')
    expect(model.requests.map(({ kind }) => kind)).toEqual(['chat'])
  })
})
