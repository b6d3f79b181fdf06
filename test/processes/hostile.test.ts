import { firstValueFrom } from 'rxjs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, driveTurn, InvalidOptionsError, type Reply } from '../../src/index.ts'
import { compileOptions, type OpenCodeServerOptions } from '../../src/config/options.ts'
import { standInServer } from '../support/stand-in.ts'

const noise: unknown[] = []
const hear = (warning: unknown): void => void noise.push(warning)
beforeEach(() => {
  noise.length = 0
  process.on('warning', hear)
})
afterEach(() => {
  process.off('warning', hear)
  expect(noise).toEqual([])
})

const aborts = (requests: { url: string }[]) => requests.filter(({ url }) => url.endsWith('/abort'))

describe('a server of another program', () => {
  async function managed() {
    const stand = standInServer('well-behaved')
    await stand.server.ensureRunning()
    const { baseURL = '', password = '' } = stand.server
    return { ...stand, endpoint: { baseURL, password, modelId: 'gpt-4o' } }
  }

  it('stops the work of an aborted driveTurn', async () => {
    const { endpoint, requests } = await managed()
    const abort = new AbortController()
    const sink = (reply: Reply) => reply.kind === 'delta' && abort.abort()
    const last = await driveTurn('stream:1 hang', 't1', sink, { ...endpoint, signal: abort.signal })
    expect(last).toMatchObject({ kind: 'error', code: 'cancelled', partial: 'x ' })
    expect(aborts(requests())).toHaveLength(1)
  })

  it('stops the turns of a closed connection', async () => {
    const { endpoint, requests } = await managed()
    const connection = connect(endpoint)
    const turn = connection.turn('stream:1 hang')
    await firstValueFrom(turn.replies$)
    await connection.close()
    expect(await turn.done).toMatchObject({ code: 'cancelled' })
    expect(aborts(requests())).toHaveLength(1)
  })

  it('counts as unavailable, not as died, if it ends between two turns', async () => {
    const { endpoint, server } = await managed()
    await using connection = connect(endpoint)
    const session = connection.session()
    expect((await session.turn('Say hello').done).kind).toBe('final')
    await server.stop()
    expect(await session.turn('Say hello').done).toMatchObject({
      code: 'server_unavailable',
      retryable: true,
    })
  })

  it('gets no request if the options are invalid', async () => {
    const seen: Reply[] = []
    const none = undefined as unknown as Parameters<typeof driveTurn>[3]
    const last = await driveTurn('x', 't1', (reply) => seen.push(reply), none)
    expect(last).toMatchObject({ kind: 'error', code: 'rejected', trace_id: 't1' })
    expect(seen).toEqual([last])
  })
})

describe('unusual calls', () => {
  it('share one signal among many turns without a warning of Node', async () => {
    const { server } = standInServer('well-behaved')
    const { signal } = new AbortController()
    const turns = Array.from({ length: 30 }, () => server.turn({ text: 'echo:x', signal }))
    for (const turn of turns) expect((await turn.done).kind).toBe('final')
  })

  it('of ensureRunning are rejected without side effects', async () => {
    const { server } = standInServer('well-behaved')
    const bad = { signal: {} } as unknown as { signal: AbortSignal }
    await expect(server.ensureRunning(bad)).rejects.toBeInstanceOf(InvalidOptionsError)
    await expect(server.ensureRunning({ deadlineMs: Number.NaN })).rejects.toBeInstanceOf(InvalidOptionsError)
    const why = 'no error, just a word'
    await expect(server.ensureRunning({ signal: AbortSignal.abort(why) })).rejects.toBe(why)
    await server.ensureRunning()
  })

  it('of session and stop are rejected', async () => {
    const { server } = standInServer('well-behaved')
    expect(() => server.session({ sessionId: '' })).toThrow(/session option sessionId/)
    expect(() => server.session({ directory: 'relative' })).toThrow(/absolute path/)
    await expect(server.stop({ drainMs: 3e9 })).rejects.toThrow(/drainMs/)
  })

  it('of turn are rejected, also if the input throws when read', async () => {
    const { server } = standInServer('well-behaved')
    const trap = new Proxy({ text: 'x' }, { get: () => expect.fail('trap') })
    expect(await server.turn(trap).done).toMatchObject({ kind: 'error', code: 'rejected' })
    expect(await server.turn({ text: 'x', directory: 'relative' }).done).toMatchObject({ code: 'rejected' })
  })

  it('of a logger that throws have no effect', async () => {
    const fail = () => {
      throw new Error('disk full')
    }
    const { server } = standInServer('well-behaved', {
      logger: { debug: fail, info: fail, warn: fail, error: fail },
    })
    expect((await server.turn('Say hello').done).kind).toBe('final')
  })

  it('with a secret that occurs in the listening line still start the server', async () => {
    const { server } = standInServer('well-behaved', { password: 'listening' })
    expect((await server.turn('Say hello').done).kind).toBe('final')
  })
})

describe('durations', () => {
  it.each(['startTimeoutMs', 'restartWindowMs', 'stopGraceMs', 'turnDeadlineMs'])(
    'above the limit of timers are rejected: %s',
    (name) => {
      const options = { home: '/srv/a', proxy: { baseURL: 'http://x/v1', apiKey: 'sk-1234' }, models: ['m'] }
      const long = { ...options, [name]: 2 ** 31 } as OpenCodeServerOptions
      expect(() => compileOptions(long)).toThrow(name)
    },
  )
})
