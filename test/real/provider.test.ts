import { filter, firstValueFrom } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OpenCodeServer, Turn, TurnStatus } from '../../src/index.ts'
import type { ModelRequest, ScriptedModel } from '../../src/testing/index.ts'
import { collect, kinds, realServer } from '../support/real.ts'
import { expectWellFormed, expectWhole, joined } from '../support/replies.ts'
import { busySessions, until, untilIdle } from '../support/server-api.ts'

const error = (status: number, message: string, more: object = {}) => ({
  error: { status, message, ...more },
})
const bash = (command: string) => ({
  toolCalls: [{ name: 'bash', args: { command, description: command } }],
})
const overflow = error(
  400,
  "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.",
  { code: 'context_length_exceeded' },
)
const pieces = Array.from({ length: 200 }, (_, i) => `${i} `)

let server: OpenCodeServer
let model: ScriptedModel
let close: () => Promise<void>

beforeAll(async () => {
  const tooLong = new Set<string>()
  const isTooLong = ({ text, sessionID }: ModelRequest) =>
    (text === 'too long for ever' && tooLong.add(sessionID).size > 0) || tooLong.has(sessionID)
  ;({ server, model, close } = await realServer([
    { match: isTooLong, reply: overflow },
    {
      match: 'come back tomorrow',
      reply: error(429, 'Rate limit reached', { headers: { 'retry-after': '86400' } }),
    },
    {
      match: 'come back soon',
      reply: [error(429, 'Rate limit reached', { headers: { 'retry-after': '1' } }), { text: 'welcome' }],
    },
    { match: 'always limited', reply: error(429, 'Rate limit reached') },
    { match: 'broken', reply: error(503, 'upstream down') },
    { match: 'broken once', reply: error(503, 'upstream down') },
    { match: 'mended', reply: [error(502, 'bad gateway'), { text: ['as ', 'good ', 'as new'] }] },
    {
      match: 'cut short',
      reply: [
        { reasoning: 'dead thought', text: ['dead ', 'text '], cutAfter: 3 },
        { text: ['alive ', 'text'] },
      ],
    },
    {
      match: 'break off after a tool',
      reply: [
        { text: 'kept ', ...bash('printf ran') },
        { text: ['dead ', 'text '], cutAfter: 2 },
        { text: ['alive ', 'text'] },
      ],
    },
    { match: 'cut always', reply: { text: ['dead ', 'text '], cutAfter: 2 } },
    { match: 'never finished', reply: { text: 'half', finishReason: 'weird' } },
    { match: 'calls nothing', reply: { text: 'half', finishReason: 'tool_calls' } },
    { match: 'filtered', reply: { text: 'so far', finishReason: 'content_filter' } },
    { match: 'at its limit', reply: { text: 'so far', finishReason: 'length' } },
    { match: 'too long once', reply: [overflow, { text: ['mended ', 'answer'] }] },
    // Prompt of opencode after a compaction.
    { match: /request exceeded the provider's size limit|Continue if you have/, reply: { text: 'went on' } },
    { match: 'hang', reply: { hang: true } },
    { match: 'trickle', reply: { text: pieces, chunkDelayMs: 30 } },
    { match: 'sleep', reply: bash('sleep 300') },
    { match: 'nonsense', reply: error(422, 'not like this') },
    { match: /^number (\d+)$/, reply: ({ text }) => ({ text: ['I am ', text], chunkDelayMs: 20 }) },
  ]))
  await server.ensureRunning()
})

afterAll(() => close())

const timesAsked = (text: string): number =>
  model.requests.filter((request) => request.kind === 'chat' && request.text === text).length

const statusesOf = (turn: Turn): TurnStatus[] => {
  const seen: TurnStatus[] = []
  turn.status$.subscribe((status) => seen.push(status))
  return seen
}

const isRetrying = (status: TurnStatus) => status.state === 'retrying'

describe('a failing provider', () => {
  it('that demands a wait past the deadline ends the turn immediately, and its work', async () => {
    const startedAt = Date.now()
    const turn = server.turn({ text: 'come back tomorrow', deadlineMs: 3_600_000 })
    expect(await turn.done).toMatchObject({ code: 'rate_limited', retryable: true })
    expect(Date.now() - startedAt).toBeLessThan(30_000)
    await untilIdle(server, await turn.sessionId)
    expect(timesAsked('come back tomorrow')).toBe(1)
  })

  it('that demands a short wait is retried, and status$ gives the time', async () => {
    const turn = server.turn('come back soon')
    const statuses = statusesOf(turn)
    const delays: number[] = []
    turn.status$.pipe(filter(isRetrying)).subscribe(({ nextAt }) => delays.push(nextAt - Date.now()))
    expectWhole(await collect(turn), 'welcome')
    expect(statuses.filter(isRetrying)).toMatchObject([{ attempt: 1, message: 'Rate limit reached' }])
    expect(delays[0]).toBeGreaterThan(0)
    expect(statuses.map(({ state }) => state).slice(-3)).toEqual(['retrying', 'running', 'done'])
  })

  it('is not retried with maxRetries 0', async () => {
    const turn = server.turn({ text: 'broken', maxRetries: 0 })
    expect(await turn.done).toMatchObject({ code: 'provider_unavailable', error: 'upstream down' })
    await untilIdle(server, await turn.sessionId)
    expect(timesAsked('broken')).toBe(1)
    const limited = await server.turn({ text: 'always limited', maxRetries: 0 }).done
    expect(limited).toMatchObject({ code: 'rate_limited', retryable: true })
  })

  it('is retried once with maxRetries 1', async () => {
    const turn = server.turn({ text: 'broken once', maxRetries: 1 })
    expect(await turn.done).toMatchObject({ code: 'provider_unavailable', error: 'upstream down' })
    await untilIdle(server, await turn.sessionId)
    expect(timesAsked('broken once')).toBe(2)
  })

  it('that recovers does not appear in the replies', async () => {
    const replies = await collect(server.turn('mended'))
    expectWhole(replies, 'as good as new')
    expect(kinds(replies)).toEqual(['delta', 'delta', 'delta', 'final'])
  })

  it('that breaks off in mid-text is retried: the final reply has the text of the successful attempt', async () => {
    const turn = server.turn('cut short')
    const statuses = statusesOf(turn)
    const replies = await collect(turn)
    expectWellFormed(replies)
    expect(joined(replies)).toBe('dead text alive text')
    expect(replies.at(-1)).toMatchObject({ kind: 'final', content: 'alive text', finish_reason: 'stop' })
    expect(statuses.filter(isRetrying)).toHaveLength(1)
  })

  it('that breaks off after a tool keeps the earlier replies', async () => {
    const replies = await collect(server.turn('break off after a tool'))
    expectWellFormed(replies)
    expect(replies.at(-1)).toMatchObject({ kind: 'final', content: 'kept alive text' })
    expect(replies.filter(({ kind }) => kind === 'tool_call')).toHaveLength(1)
  })

  it('that always breaks off ends the turn with the partial text', async () => {
    const end = await server.turn({ text: 'cut always', maxRetries: 1 }).done
    expect(end).toMatchObject({ kind: 'error', code: 'provider_unavailable', retryable: true })
    expect(end).toHaveProperty('partial', 'dead text ')
  })

  it.each(['never finished', 'calls nothing'])(
    'whose answers are %s is not retried without limit',
    async (text) => {
      const turn = server.turn({ text, maxRetries: 2 })
      const replies = await collect(turn)
      expectWellFormed(replies)
      expect(replies.at(-1)).toMatchObject({
        kind: 'error',
        code: 'provider_unavailable',
        retryable: true,
        error: 'The provider keeps ending its answers without a finish reason',
      })
      await untilIdle(server, await turn.sessionId)
      const asked = timesAsked(text)
      expect(asked).toBeGreaterThanOrEqual(3)
      expect(asked).toBeLessThan(8)
    },
  )

  it('that filters its answer, or cuts it at its limit, gives that error or finish reason', async () => {
    const [filtered, limited] = await Promise.all([
      server.turn('filtered').done,
      server.turn('at its limit').done,
    ])
    expect(filtered).toMatchObject({ kind: 'error', code: 'content_filter', partial: 'so far' })
    expect(limited).toMatchObject({ kind: 'final', content: 'so far', finish_reason: 'length' })
  })

  it('whose context overflows once recovers by a compaction, which counts in the usage', async () => {
    const turn = server.turn('too long once')
    const replies = await collect(turn)
    const final = expectWhole(replies, 'went on')
    expect(model.requests.some(({ kind, sessionID }) => kind === 'summary' && sessionID !== '')).toBe(true)
    expect(final.usage).toMatchObject({ input_tokens: 20, output_tokens: 10 })
  })

  it('whose context always overflows ends the turn', async () => {
    const turn = server.turn({ text: 'too long for ever' })
    expect(await turn.done).toMatchObject({ code: 'context_overflow', retryable: false })
  })
})

describe('turns of one session', () => {
  it('do not affect each other if ten are cancelled and followed immediately', async () => {
    const session = server.session()
    for (let i = 0; i < 10; i++) {
      const text = i % 2 === 0 ? 'trickle' : 'sleep'
      const turn = session.turn(text)
      await firstValueFrom(turn.replies$)
      turn.cancel()
      const next = session.turn(`number ${i}`)
      const replies = await collect(turn)
      expectWellFormed(replies)
      expect(replies.at(-1)).toMatchObject({ kind: 'error', code: 'cancelled' })
      expect(kinds(await collect(next))).toEqual(['delta', 'delta', 'final'])
      expect(await next.done).toMatchObject({ content: `I am number ${i}`, usage: { input_tokens: 10 } })
    }
    expect(await busySessions(server)).toEqual([])
  })

  it('do not affect the next turn if cancelled at any moment', async () => {
    const session = server.session()
    expect((await session.turn('number 0').done).kind).toBe('final')
    for (let i = 1; i <= 10; i++) {
      const turn = session.turn('trickle')
      await firstValueFrom(turn.status$.pipe(filter(({ state }) => state === 'running')))
      await new Promise((resolve) => setTimeout(resolve, i * 20))
      turn.cancel()
      const next = session.turn(`number ${i}`)
      expect(await turn.done).toMatchObject({ code: 'cancelled' })
      expectWhole(await collect(next), `I am number ${i}`)
    }
  })

  it('do not affect the next turn if they fail in any way', async () => {
    const session = server.session()
    const turns = [
      session.turn({ text: 'number 1', model: 'nope' }),
      session.turn('number 2'),
      session.turn({ text: 'number 3', agent: 'nope' }),
      session.turn('number 4'),
      session.turn('nonsense'),
      session.turn('number 5'),
      session.turn({ text: 'broken', maxRetries: 0 }),
      session.turn('number 6'),
      session.turn({ text: 'hang', stallMs: 300 }),
      session.turn('number 7'),
      session.turn({ text: 'never finished', maxRetries: 0 }),
      session.turn('number 8'),
    ]
    const ends = await Promise.all(turns.map((turn) => turn.done))
    expect(ends.map((end) => (end.kind === 'final' ? end.content : end.code))).toEqual([
      'model_not_found',
      'I am number 2',
      'rejected',
      'I am number 4',
      'provider_error',
      'I am number 5',
      'provider_unavailable',
      'I am number 6',
      'stalled',
      'I am number 7',
      'provider_unavailable',
      'I am number 8',
    ])
  })

  it('run in order, and reach no other session', async () => {
    const sessions = Array.from({ length: 4 }, () => server.session())
    const turns = sessions.flatMap((session, i) =>
      [0, 1, 2].map((j) => session.turn({ text: `number ${10 * i + j}`, traceId: `t${10 * i + j}` })),
    )
    const bystander = sessions[0]?.turn('trickle')
    const all = await Promise.all(turns.map(collect))
    bystander?.cancel()
    for (const [i, replies] of all.entries()) {
      const number = 10 * Math.floor(i / 3) + (i % 3)
      expectWhole(replies, `I am number ${number}`)
      expect(new Set(replies.map(({ trace_id }) => trace_id))).toEqual(new Set([`t${number}`]))
    }
    await until('all is idle', async () => (await busySessions(server)).length === 0)
  })
})
