import { turnIdsOf } from '../support/machine-harness.ts'
import { filter, firstValueFrom, toArray } from 'rxjs'
import { describe, expect, it, vi } from 'vitest'
import type { Reply, Turn } from '../../src/index.ts'
import { expectNothingLeft } from '../support/home.ts'
import { standInServer } from '../support/stand-in.ts'

const replies = (turn: Turn): Promise<Reply[]> => firstValueFrom(turn.replies$.pipe(toArray()))
const running = (turn: Turn) => firstValueFrom(turn.status$.pipe(filter(({ state }) => state === 'running')))
const contents = (all: Reply[]): string =>
  all.map((reply) => (reply.kind === 'delta' ? reply.content : '')).join('')

describe('a turn on a server that misbehaves', () => {
  it('ends once, with its partial text, when the server dies; the next turn runs on a new server', async () => {
    const { server, starts } = standInServer('crash-mid-turn', { env: { STANDIN_TIMES: '1' } })
    const all = await replies(server.turn({ text: 'Say hello', traceId: 't1' }))
    expect(all.at(-1)).toMatchObject({
      kind: 'error',
      code: 'server_died',
      retryable: true,
      partial: 'partial ',
      trace_id: 't1',
    })
    expect(all.filter((reply) => reply.kind === 'error')).toHaveLength(1)
    expect(await server.turn('Say hello').done).toMatchObject({ kind: 'final', content: 'Hello world' })
    expect(starts()).toHaveLength(2)
  })

  it('leaves its id to a later turn, when nothing of the turn is left on the server', async () => {
    const { server } = standInServer('well-behaved')
    const session = server.session()
    const first = session.turn({ text: 'Say hello', turnId: 'mine' })
    const second = server.turn({ text: 'Say hello', turnId: 'mine' })
    expect(await second.done).toMatchObject({ kind: 'error', code: 'rejected' })
    expect(await first.done).toMatchObject({ kind: 'final' })
    await vi.waitFor(
      async () => {
        const third = session.turn({ text: 'Say hello', turnId: 'mine' })
        expect(third.id).toBe('mine')
        expect(await third.done).toMatchObject({ kind: 'final', content: 'Hello world' })
      },
      { timeout: 15_000 },
    )
  })

  it('requests its final state if the end was lost in a gap of the stream', async () => {
    const { server } = standInServer('cuts-stream')
    const all = await replies(server.turn('Say hello'))
    expect(contents(all)).toBe('Hello world')
    expect(all.at(-1)).toMatchObject({ kind: 'final', content: 'Hello world' })
  })

  it('continues after a gap of the stream', async () => {
    const { server } = standInServer('cuts-stream', { env: { STANDIN_CUT: 'resume' } })
    const all = await replies(server.turn('Say hello'))
    expect(contents(all)).toBe('Hello world!')
    expect(all.at(-1)).toMatchObject({ kind: 'final', content: 'Hello world!' })
  })

  it('loses no event if the stream emits nothing at first', async () => {
    const env = { STANDIN_LISTEN_MS: '700' }
    const { server } = standInServer('well-behaved', { env })
    expect(contents(await replies(server.turn('Say hello')))).toBe('Hello world')
    const { server: cutting } = standInServer('cuts-stream', { env: { ...env, STANDIN_CUT: 'resume' } })
    expect(contents(await replies(cutting.turn('Say hello')))).toBe('Hello world!')
  })

  it('ends after an error without idle', async () => {
    const { server } = standInServer('error-without-idle')
    expect(await server.turn('Say hello').done).toMatchObject({
      kind: 'error',
      code: 'rejected',
      error: expect.stringContaining('Agent not found') as string,
    })
  })

  it('stalls without progress, and aborts its work on the server', async () => {
    const { server, requests } = standInServer('silent-turn', { env: { STANDIN_HEARTBEAT_MS: '50' } })
    const turn = server.turn({ text: 'Say hello', stallMs: 400 })
    expect(await turn.done).toMatchObject({ kind: 'error', code: 'stalled', retryable: true })
    const sessionId = (await turn.sessionId) ?? ''
    await expect.poll(() => requests().map(({ url }) => url)).toContain(`/session/${sessionId}/abort`)
  })

  it('ends at its deadline, which includes the wait for the server', async () => {
    const { server } = standInServer('never-listens')
    expect(await server.turn({ text: 'Say hello', deadlineMs: 300 }).done).toMatchObject({
      kind: 'error',
      code: 'deadline_exceeded',
      retryable: true,
    })
  })

  it('rejects a permission with a message by default, and continues', async () => {
    const { server, requests } = standInServer('permission')
    expect((await server.turn('Say hello').done).kind).toBe('final')
    const reply = requests().find(({ url }) => /^\/permission\/.*\/reply/.test(url))
    expect(reply?.body).toMatchObject({ reply: 'reject', message: expect.any(String) as string })
  })

  it('fails after maxRetries, and names the cause', async () => {
    const { server } = standInServer('well-behaved')
    const turn = server.turn({ text: 'retry:4', maxRetries: 2 })
    const states = firstValueFrom(
      turn.status$.pipe(
        filter(({ state }) => state === 'retrying'),
        toArray(),
      ),
    )
    expect(await turn.done).toMatchObject({ kind: 'error', code: 'rate_limited', retryable: true })
    expect((await states).map((status) => 'attempt' in status && status.attempt)).toEqual([1, 2])
  })

  it('is rejected for a bad input, without a server', async () => {
    const { server, starts } = standInServer('well-behaved')
    const bad = server.turn({ text: 'x', traceId: 't9', deadlineMs: -1 })
    expect(await bad.done).toMatchObject({
      kind: 'error',
      code: 'rejected',
      trace_id: 't9',
      error: expect.stringContaining('deadlineMs') as string,
    })
    expect(starts()).toEqual([])
  })

  it('fails with session_not_found for an unknown session', async () => {
    const { server } = standInServer('well-behaved')
    const turn = server.turn({ text: 'x', sessionId: 'ses_000000000000000000000000zz' })
    expect(await turn.done).toMatchObject({ kind: 'error', code: 'session_not_found', retryable: false })
  })
})

describe('concurrent turns', () => {
  it('run up to maxConcurrentTurns at once, wait in order, and are rejected above maxQueuedTurns', async () => {
    const { server } = standInServer('well-behaved', { maxConcurrentTurns: 2, maxQueuedTurns: 1 })
    await server.ensureRunning()
    const turns = ['slow:200 echo:a', 'slow:200 echo:b', 'echo:c', 'echo:d'].map((text) => server.turn(text))
    const ends = await Promise.all(turns.map((turn) => turn.done))
    expect(ends.map((end) => (end.kind === 'final' ? end.content : end.code))).toEqual([
      'a',
      'b',
      'c',
      'overloaded',
    ])
  })

  it('of one session run one after another', async () => {
    const { server, requests } = standInServer('well-behaved')
    const session = server.session()
    const [first, second] = [session.turn('slow:200 echo:one'), session.turn('echo:two')]
    expect(await Promise.all([first.done, second.done])).toMatchObject([
      { content: 'one' },
      { content: 'two' },
    ])
    expect(await second.sessionId).toBe(await first.sessionId)
    expect(
      requests().filter(({ url, method }) => method === 'POST' && /^\/session(\?|$)/.test(url)),
    ).toHaveLength(1)
  })

  it('are cancelled individually: a waiting turn leaves the queue without a request', async () => {
    const { server, requests } = standInServer('well-behaved', { maxConcurrentTurns: 1 })
    const first = server.turn('hang')
    const prompts = () => requests().filter(({ url }) => /prompt_async/.test(url))
    await expect.poll(prompts, { timeout: 15_000 }).toHaveLength(1)
    const waiting = server.turn('echo:never')
    waiting.cancel()
    expect(await waiting.done).toMatchObject({ code: 'cancelled' })
    first.cancel()
    expect(await first.done).toMatchObject({ code: 'cancelled', retryable: false })
    expect(await server.turn('echo:after').done).toMatchObject({ content: 'after' })
    expect(prompts()).toHaveLength(2)
  })

  it('are released when done', async () => {
    const { server } = standInServer('well-behaved')
    await Promise.all(Array.from({ length: 20 }, () => server.turn('Say hello').done))
    await expect
      .poll(() => Object.keys(server.actor.getSnapshot().children).filter((id) => id.startsWith('turn:')))
      .toEqual([])
    expect(turnIdsOf(server.actor.getSnapshot().context)).toEqual({ waiting: [], running: [] })
  })
})

describe('a turn in its forms', () => {
  it('gives a late subscriber every reply from the first', async () => {
    const { server } = standInServer('well-behaved')
    const turn = server.turn('stream:5')
    await turn.done
    expect(contents(await replies(turn))).toBe('x x x x x ')
  })

  it('is cancelled by unsubscribing from its cold form', async () => {
    const { server, requests } = standInServer('well-behaved')
    await firstValueFrom(server.turn$('stream:1 hang'))
    await expect.poll(() => requests().filter(({ url }) => url.endsWith('/abort'))).toHaveLength(1)
  })

  it('is cancelled by leaving its loop early', async () => {
    const { server } = standInServer('well-behaved')
    const turn = server.turn('stream:1 hang')
    for await (const reply of turn) {
      expect(reply.kind).toBe('delta')
      break
    }
    expect(await turn.done).toMatchObject({ code: 'cancelled', partial: 'x ' })
  })

  it('is cancelled by its signal, and ends immediately for an aborted signal', async () => {
    const { server } = standInServer('well-behaved')
    const abort = new AbortController()
    const turn = server.turn({ text: 'hang', signal: abort.signal })
    await running(turn)
    abort.abort()
    expect(await turn.done).toMatchObject({ code: 'cancelled' })
    expect(await server.turn({ text: 'x', signal: abort.signal }).done).toMatchObject({ code: 'cancelled' })
  })

  it('is cancelled after the server was closed', async () => {
    const { server } = standInServer('well-behaved')
    await server.close()
    expect(await server.turn('Say hello').done).toMatchObject({ kind: 'error', code: 'cancelled' })
    await expect(server.ensureRunning()).rejects.toMatchObject({ code: 'ERR_OPENCODE_STOPPED' })
  })
})

describe('a turn that may be resumed', () => {
  it('is prompted again on the next server, and ends once for the caller', async () => {
    const { server, starts } = standInServer('crash-mid-turn', { env: { STANDIN_TIMES: '1' } })
    const turn = server.turn({ text: 'Say hello', resume: true })
    const states = firstValueFrom(turn.status$.pipe(toArray()))
    const all = await replies(turn)
    expect(all.map(({ kind }) => kind)).toEqual(['delta', 'delta', 'delta', 'final'])
    expect(all.at(-1)).toMatchObject({ kind: 'final', content: 'Hello world', usage: { input_tokens: 12 } })
    expect((await states).map(({ state }) => state)).toEqual([
      'waitingForServer',
      'running',
      'retrying',
      'waitingForServer',
      'running',
      'done',
    ])
    expect(starts()).toHaveLength(2)
  })

  it('is not prompted again without limit', async () => {
    const { server, starts } = standInServer('crash-mid-turn')
    expect(await server.turn({ text: 'Say hello', resume: true }).done).toMatchObject({ code: 'server_died' })
    expect(starts()).toHaveLength(4)
  })

  it('is not prompted again after a tool ran', async () => {
    const { server, starts } = standInServer('well-behaved')
    const turn = server.turn({ text: 'tool:60000', resume: true })
    await firstValueFrom(turn.replies$.pipe(filter(({ kind }) => kind === 'tool_call')))
    process.kill(server.pid ?? 0, 'SIGKILL')
    expect(await turn.done).toMatchObject({ kind: 'error', code: 'server_died' })
    expect(starts()).toHaveLength(1)
  })
})

describe('a turn that is started while its actor stops', () => {
  it('is cancelled, although the actor never receives it', async () => {
    const { server, home } = standInServer('well-behaved')
    const turns: Turn[] = []
    const baseURLs: string[] = []
    server.actor.subscribe((snapshot) => {
      if (turns.length > 0 || !snapshot.matches('healthy')) return
      baseURLs.push(snapshot.context.baseURL ?? '')
      turns.push(server.turn('Say hello'))
      server.actor.stop()
    })
    void server.ensureRunning().catch(() => undefined)
    await expect.poll(() => turns, { timeout: 20_000 }).toHaveLength(1)
    expect(await turns[0]?.done).toMatchObject({ kind: 'error', code: 'cancelled' })
    // The process of a stopped actor is killed, but no event reports its end.
    await vi.waitFor(() => expectNothingLeft(home, baseURLs), { timeout: 10_000 })
  })
})
