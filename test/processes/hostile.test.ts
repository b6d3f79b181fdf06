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

describe('a server that somebody else manages', () => {
  async function managed() {
    const stand = standInServer('well-behaved')
    await stand.server.ensureRunning()
    const { baseURL = '', password = '' } = stand.server
    return { ...stand, endpoint: { baseURL, password, modelId: 'gpt-4o' } }
  }

  it('does not go on with the work of a driveTurn that was aborted', async () => {
    const { endpoint, requests } = await managed()
    const abort = new AbortController()
    const sink = (reply: Reply) => reply.kind === 'delta' && abort.abort()
    const last = await driveTurn('stream:1 hang', 't1', sink, { ...endpoint, signal: abort.signal })
    expect(last).toMatchObject({ kind: 'error', code: 'cancelled', partial: 'x ' })
    expect(aborts(requests())).toHaveLength(1)
  })

  it('does not go on with the turns of a connection that was closed', async () => {
    const { endpoint, requests } = await managed()
    const connection = connect(endpoint)
    const turn = connection.turn('stream:1 hang')
    await firstValueFrom(turn.replies$)
    await connection.close()
    expect(await turn.done).toMatchObject({ code: 'cancelled' })
    expect(aborts(requests())).toHaveLength(1)
  })

  it('that has gone between two turns is not available, rather than dead in the middle of one', async () => {
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

  it('is told nothing where the options are none', async () => {
    const seen: Reply[] = []
    const none = undefined as unknown as Parameters<typeof driveTurn>[3]
    const last = await driveTurn('x', 't1', (reply) => seen.push(reply), none)
    expect(last).toMatchObject({ kind: 'error', code: 'rejected', trace_id: 't1' })
    expect(seen).toEqual([last])
  })
})

describe('odd calls', () => {
  it('share one signal among many turns without a warning', async () => {
    const { server } = standInServer('well-behaved')
    const { signal } = new AbortController()
    const turns = Array.from({ length: 30 }, () => server.turn({ text: 'echo:x', signal }))
    for (const turn of turns) expect((await turn.done).kind).toBe('final')
  })

  it('of ensureRunning are refused, and harm nothing', async () => {
    const { server } = standInServer('well-behaved')
    const bad = { signal: {} } as unknown as { signal: AbortSignal }
    await expect(server.ensureRunning(bad)).rejects.toBeInstanceOf(InvalidOptionsError)
    await expect(server.ensureRunning({ deadlineMs: Number.NaN })).rejects.toBeInstanceOf(InvalidOptionsError)
    const why = 'no error, just a word'
    await expect(server.ensureRunning({ signal: AbortSignal.abort(why) })).rejects.toBe(why)
    await server.ensureRunning()
  })

  it('of session and stop are refused', async () => {
    const { server } = standInServer('well-behaved')
    expect(() => server.session({ sessionId: '' })).toThrow(/session option sessionId/)
    expect(() => server.session({ directory: 'relative' })).toThrow(/absolute path/)
    await expect(server.stop({ drainMs: 3e9 })).rejects.toThrow(/drainMs/)
  })

  it('of turn are rejected, also where the input cannot be read', async () => {
    const { server } = standInServer('well-behaved')
    const trap = new Proxy({ text: 'x' }, { get: () => expect.fail('trap') })
    expect(await server.turn(trap).done).toMatchObject({ kind: 'error', code: 'rejected' })
    expect(await server.turn({ text: 'x', directory: 'relative' }).done).toMatchObject({ code: 'rejected' })
  })

  it('of a logger that throws harm nothing', async () => {
    const fail = () => {
      throw new Error('disk full')
    }
    const { server } = standInServer('well-behaved', {
      logger: { debug: fail, info: fail, warn: fail, error: fail },
    })
    expect((await server.turn('Say hello').done).kind).toBe('final')
  })

  it('with a secret that is a word of the listening line still start', async () => {
    const { server } = standInServer('well-behaved', { password: 'listening' })
    expect((await server.turn('Say hello').done).kind).toBe('final')
  })
})

describe('durations', () => {
  it.each(['startTimeoutMs', 'restartWindowMs', 'stopGraceMs', 'turnDeadlineMs'])(
    'that no timer can hold are refused: %s',
    (name) => {
      const options = { home: '/srv/a', proxy: { baseURL: 'http://x/v1', apiKey: 'sk-1234' }, models: ['m'] }
      const long = { ...options, [name]: 2 ** 31 } as OpenCodeServerOptions
      expect(() => compileOptions(long)).toThrow(name)
    },
  )
})
