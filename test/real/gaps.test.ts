import { firstValueFrom, filter } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, type OpenCodeEvent, type OpenCodeServer, type Turn } from '../../src/index.ts'
import { collect, kinds, realServer } from '../support/real.ts'
import { expectWellFormed, expectWhole, joined } from '../support/replies.ts'
import { until, untilAnswered, untilIdle } from '../support/server-api.ts'
import { startStreamProxy, type Fate, type StreamFaults } from '../support/stream-proxy.ts'

const call = (name: string, args: Record<string, unknown>) => ({ toolCalls: [{ name, args }] })
const bash = (command: string) => call('bash', { command, description: command })
const pieces = Array.from({ length: 24 }, (_, i) => `${i} zażółć 🐢 日本 `)
const whole = pieces.join('')
const ending = ['it ', 'is ', 'done']
const which = {
  questions: [{ question: 'Which?', header: 'pick', options: [{ label: 'A', description: 'a' }] }],
}
const paced = { chunkDelayMs: 40 }

let server: OpenCodeServer
let close: () => Promise<void>

beforeAll(async () => {
  ;({ server, close } = await realServer([
    { match: 'say it all', reply: { text: pieces, ...paced } },
    { match: 'think aloud', reply: { reasoning: pieces, text: ending, ...paced } },
    { match: 'run it', reply: [bash('sleep 1; printf ran'), { text: ending }] },
    { match: 'read it', reply: [call('read', { filePath: '/etc/hostname' }), { text: ending }] },
    { match: 'ask me', reply: [call('question', which), { text: ending }] },
    { match: 'fail', reply: { error: { status: 422, message: 'that will not do' } } },
    {
      match: 'job in steps',
      reply: [
        { reasoning: pieces.slice(0, 6), text: pieces.slice(0, 6), ...bash('printf one'), ...paced },
        { text: pieces.slice(6, 12), ...bash('sleep 0.5; printf two'), ...paced },
        { text: pieces.slice(12), ...paced },
      ],
    },
    {
      match: 'retried',
      reply: [{ text: ['dead ', 'words '], cutAfter: 2 }, { text: ['alive ', 'and well'] }],
    },
    { match: 'Say hello', reply: { text: ['Hello', ' world'] } },
    {
      match: 'delegate',
      reply: [
        call('task', { description: 'sub', prompt: 'CHILD job', subagent_type: 'general' }),
        { text: ending },
      ],
    },
    {
      match: 'CHILD job',
      reply: [
        { ...call('read', { filePath: '/etc/hostname' }), firstChunkDelayMs: 1_500 },
        { text: 'child says', usage: { inputTokens: 1_000 } },
      ],
    },
  ]))
  await server.ensureRunning()
})

afterAll(() => close())

/** Opens a connection to the server with a faulty event stream; it is closed when the test finishes. */
async function through(
  onTestFinished: (fn: () => Promise<void>) => void,
  faults: Partial<StreamFaults> = {},
  options: Partial<Parameters<typeof connect>[0]> = {},
) {
  const proxy = await startStreamProxy(server.baseURL ?? '', faults)
  const endpoint = { baseURL: proxy.baseURL, password: server.password ?? '', modelId: 'gpt-4o' }
  const connection = connect({ ...endpoint, onPermission: 'once', ...options })
  onTestFinished(async () => {
    await connection.close()
    await proxy.close()
  })
  return { proxy, connection }
}

const states = async (turn: Turn): Promise<string[]> => {
  const seen: string[] = []
  turn.status$.subscribe(({ state }) => seen.push(state))
  await turn.done
  return seen
}

/** Returns a decision that applies a fate to the `nth` matching frame, and passes all other frames. */
function atFrame(matches: (event: OpenCodeEvent) => boolean, fate: Fate, nth = 1) {
  let count = 0
  return (event: OpenCodeEvent): Fate => (matches(event) && ++count === nth ? fate : 'pass')
}

const partOf = ({ properties }: OpenCodeEvent) =>
  (properties['part'] ?? {}) as {
    type?: string
    tool?: string
    time?: { end?: number }
    state?: { status?: string }
  }
const infoOf = ({ properties }: OpenCodeEvent) =>
  (properties['info'] ?? {}) as { role?: string; finish?: string; parentID?: string }
const statusOf = ({ properties }: OpenCodeEvent) => (properties['status'] ?? {}) as { type?: string }

const isDelta = ({ type }: OpenCodeEvent): boolean => type === 'message.part.delta'
const isTool = (status: string) => (event: OpenCodeEvent) => partOf(event).state?.status === status
const isStatus = (type: string) => (event: OpenCodeEvent) => statusOf(event).type === type
const isPrompt = (event: OpenCodeEvent) => event.type === 'message.updated' && infoOf(event).role === 'user'
const isFinish = (event: OpenCodeEvent) => event.type === 'message.updated' && infoOf(event).finish === 'stop'
const isTextEnd = (event: OpenCodeEvent) =>
  partOf(event).type === 'text' && partOf(event).time?.end !== undefined
const isA = (type: string) => (event: OpenCodeEvent) => event.type === type

interface Gap {
  text: string
  where: string
  at: (event: OpenCodeEvent) => boolean
  nth?: number
  fate: Fate
  answer?: string
  /** Kinds of the replies in order, without deltas and reasoning. */
  others?: string[]
}

const tool = { others: ['tool_call', 'tool_result', 'final'], answer: ending.join('') }

const gaps: Gap[] = [
  { text: 'say it all', where: 'before the event of its prompt', at: isPrompt, fate: 'cutBefore' },
  { text: 'say it all', where: 'before busy', at: isStatus('busy'), fate: 'cutBefore' },
  { text: 'say it all', where: 'at the first delta', at: isDelta, fate: 'cutWithin' },
  { text: 'say it all', where: 'in the middle of text', at: isDelta, nth: 11, fate: 'cutBefore' },
  { text: 'say it all', where: 'in the middle of a frame of text', at: isDelta, nth: 12, fate: 'cutWithin' },
  { text: 'say it all', where: 'after the last delta', at: isDelta, nth: 24, fate: 'cutAfter' },
  { text: 'say it all', where: 'at the end of the text', at: isTextEnd, fate: 'cutBefore' },
  { text: 'say it all', where: 'at the end of the message', at: isFinish, fate: 'cutWithin' },
  { text: 'say it all', where: 'right before idle', at: isStatus('idle'), fate: 'cutBefore' },
  {
    text: 'think aloud',
    where: 'in the middle of reasoning',
    at: isDelta,
    nth: 7,
    fate: 'cutAfter',
    answer: ending.join(''),
  },
  { text: 'run it', where: 'at the start of a tool', at: isTool('running'), fate: 'cutBefore', ...tool },
  { text: 'run it', where: 'while a tool runs', at: isTool('running'), fate: 'cutAfter', ...tool },
  { text: 'run it', where: 'at the end of a tool', at: isTool('completed'), fate: 'cutWithin', ...tool },
]

describe.concurrent('a turn whose event stream', () => {
  it('falls silent for 30 s is complete, because the stream is reopened', async ({ onTestFinished }) => {
    const { proxy, connection } = await through(onTestFinished)
    const turn = connection.turn('say it all')
    await firstValueFrom(turn.replies$)
    proxy.stall()
    await untilAnswered(server, await turn.sessionId)
    await until('it is opened anew', () => proxy.counts.opened === 2, 60_000)
    proxy.resume()
    expectWhole(await collect(turn), whole)
  })
})

describe.concurrent('a turn whose event stream is cut', () => {
  it.for(gaps)('$text: $where, and reopened immediately, is complete', async (gap, { onTestFinished }) => {
    const { text, at, nth, fate, answer = whole, others = ['final'] } = gap
    const { proxy, connection } = await through(onTestFinished, { onFrame: atFrame(at, fate, nth) })
    const turn = connection.turn(text)
    const replies = await collect(turn)
    expectWhole(replies, answer)
    expect(kinds(replies).filter((kind) => kind !== 'delta' && kind !== 'reasoning')).toEqual(others)
    if (text === 'think aloud') expect(joined(replies, 'reasoning')).toBe(whole)
    expect(proxy.counts.opened).toBe(2)
    expect(await states(turn)).toContain('resyncing')
  })

  it.for(gaps)(
    '$text: $where, and down until the answer has ended, is complete',
    async (gap, { onTestFinished }) => {
      const { text, at, nth, fate, answer = whole, others = ['final'] } = gap
      const cutAt = atFrame(at, fate, nth)
      const { proxy, connection } = await through(onTestFinished, {
        onFrame: (event) => {
          const verdict = cutAt(event)
          proxy.faults.isRefusing ||= verdict !== 'pass'
          return verdict
        },
      })
      const turn = connection.turn(text)
      await until('the stream is down', () => proxy.counts.refused > 0)
      await untilAnswered(server, await turn.sessionId)
      proxy.faults.isRefusing = false
      const replies = await collect(turn)
      expectWhole(replies, answer)
      expect(kinds(replies).filter((kind) => kind !== 'delta' && kind !== 'reasoning')).toEqual(others)
      if (text === 'think aloud') expect(joined(replies, 'reasoning')).toBe(whole)
    },
  )

  it('many times is complete, with each call and result once', async ({ onTestFinished }) => {
    let frames = 0
    const { proxy, connection } = await through(onTestFinished, {
      onFrame: () => {
        if (++frames % 9 > 0) return 'pass'
        return frames % 2 === 0 ? 'cutWithin' : 'cutAfter'
      },
    })
    const replies = await collect(connection.turn('job in steps'))
    expectWhole(replies, whole)
    expect(joined(replies, 'reasoning')).toBe(pieces.slice(0, 6).join(''))
    expect(replies.flatMap((reply) => (reply.kind === 'tool_result' ? [reply.result] : []))).toEqual([
      'one',
      'two',
    ])
    expect(proxy.counts.opened).toBeGreaterThan(3)
  })

  it('at the notice of a retry has the text of the successful attempt', async ({ onTestFinished }) => {
    const { connection } = await through(onTestFinished, {
      onFrame: atFrame(isStatus('retry'), 'cutBefore'),
    })
    const replies = await collect(connection.turn('retried'))
    expectWellFormed(replies)
    expect(replies.at(-1)).toMatchObject({ kind: 'final', content: 'alive and well' })
    // A server that was slow to read saw the cut without the words before.
    expect(joined(replies)).toMatch(/^(dead words )?alive and well$/)
  })

  it('at a failure ends with that failure', async ({ onTestFinished }) => {
    const { proxy, connection } = await through(onTestFinished, {
      onFrame: (event) => {
        proxy.faults.isRefusing ||= event.type === 'session.error'
        return event.type === 'session.error' ? 'cutBefore' : 'pass'
      },
    })
    const turn = connection.turn('fail')
    await until('the stream is down', () => proxy.counts.refused > 0)
    await untilIdle(server, await turn.sessionId)
    proxy.faults.isRefusing = false
    expect(await turn.done).toMatchObject({ code: 'provider_error', error: 'that will not do' })
  })

  it('can be cancelled, and its session accepts the next turn', async ({ onTestFinished }) => {
    const { proxy, connection } = await through(onTestFinished)
    const session = connection.session()
    const turn = session.turn('say it all')
    await firstValueFrom(turn.replies$)
    proxy.faults.isRefusing = true
    proxy.cut()
    turn.cancel()
    expect(await turn.done).toMatchObject({ code: 'cancelled' })
    const next = session.turn('Say hello')
    await untilIdle(server, await turn.sessionId)
    proxy.faults.isRefusing = false
    expectWhole(await collect(next), 'Hello world')
  })

  it('does not affect other turns of the same stream', async ({ onTestFinished }) => {
    const { connection } = await through(onTestFinished, {
      onFrame: atFrame(isDelta, 'cutWithin', 40),
    })
    const turns = ['say it all', 'job in steps', 'think aloud', 'say it all'].map((text) =>
      connection.turn(text),
    )
    const replies = await Promise.all(turns.map(collect))
    expect(replies.map((all) => expectWhole(all, joined(all)).content)).toEqual([
      whole,
      whole,
      ending.join(''),
      whole,
    ])
  })
})

describe.concurrent('a request in a gap', () => {
  it('reaches the policy once if the stream is back before the answer', async ({ onTestFinished }) => {
    const asked: string[] = []
    let allow: (answer: 'once') => void = () => undefined
    const { proxy, connection } = await through(onTestFinished)
    const turn = connection.turn({
      text: 'read it',
      onPermission: ({ id }) => (asked.push(id), new Promise((resolve) => (allow = resolve))),
    })
    await firstValueFrom(turn.requests$)
    proxy.cut()
    await firstValueFrom(turn.status$.pipe(filter(({ state }) => state === 'resyncing')))
    await firstValueFrom(turn.status$.pipe(filter(({ state }, i) => state === 'running' && i > 1)))
    allow('once')
    const replies = await collect(turn)
    expectWhole(replies, ending.join(''))
    expect(replies).toContainEqual(expect.objectContaining({ kind: 'tool_result', success: true }))
    expect(asked).toHaveLength(1)
  })

  it('is reported by the server after the gap', async ({ onTestFinished }) => {
    const asked = atFrame(isA('permission.asked'), 'cutBefore')
    const { connection } = await through(onTestFinished, { onFrame: asked })
    const replies = await collect(connection.turn('read it'))
    expectWhole(replies, ending.join(''))
    expect(replies).toContainEqual(expect.objectContaining({ kind: 'tool_result', success: true }))
  })

  it('may be a question', async ({ onTestFinished }) => {
    const asked = atFrame(isA('question.asked'), 'cutWithin')
    const { connection } = await through(onTestFinished, { onFrame: asked })
    const replies = await collect(connection.turn({ text: 'ask me', onQuestion: () => [['A']] }))
    expectWhole(replies, ending.join(''))
    expect(replies).toContainEqual(
      expect.objectContaining({ result: expect.stringContaining('"Which?"="A"') as string }),
    )
  })

  it('can be answered while the stream is down', async ({ onTestFinished }) => {
    let allow: (answer: 'once') => void = () => undefined
    const { proxy, connection } = await through(onTestFinished)
    const turn = connection.turn({
      text: 'read it',
      onPermission: () => new Promise((resolve) => (allow = resolve)),
    })
    await firstValueFrom(turn.requests$)
    proxy.faults.isRefusing = true
    proxy.cut()
    allow('once')
    await untilAnswered(server, await turn.sessionId)
    proxy.faults.isRefusing = false
    expectWhole(await collect(turn), ending.join(''))
  })

  it('of a subagent that started in the gap reaches the policy', async ({ onTestFinished }) => {
    const asked: boolean[] = []
    const isChild = (event: OpenCodeEvent) =>
      event.type === 'session.created' && infoOf(event).parentID !== undefined
    const { connection } = await through(onTestFinished, { onFrame: atFrame(isChild, 'cutBefore') })
    const turn = connection.turn({
      text: 'delegate',
      onPermission: ({ child }) => (asked.push(child), 'once'),
    })
    expectWhole(await collect(turn), ending.join(''))
    expect(asked).toEqual([true])
    expect(turn.usage.input_tokens).toBe(10 + 10 + 10 + 1_000)
  })

  it('of a subagent that ran in the gap counts in the usage', async ({ onTestFinished }) => {
    const { proxy, connection } = await through(onTestFinished)
    const turn = connection.turn('delegate')
    await firstValueFrom(turn.requests$)
    proxy.faults.isRefusing = true
    proxy.cut()
    await untilAnswered(server, await turn.sessionId)
    proxy.faults.isRefusing = false
    expectWhole(await collect(turn), ending.join(''))
    expect(turn.usage.input_tokens).toBe(10 + 10 + 10 + 1_000)
  })
})

describe.concurrent('a turn whose event stream is disturbed', () => {
  it('by a stall is complete, without a gap', async ({ onTestFinished }) => {
    const { proxy, connection } = await through(onTestFinished)
    const turn = connection.turn('say it all')
    await firstValueFrom(turn.replies$)
    proxy.stall()
    await untilAnswered(server, await turn.sessionId)
    proxy.resume()
    expectWhole(await collect(turn), whole)
    expect(proxy.counts.opened).toBe(1)
    expect(await states(turn)).not.toContain('resyncing')
  })

  it('by repeated frames, also much later, is complete', async ({ onTestFinished }) => {
    const { connection } = await through(onTestFinished, {
      onFrame: ({ type }) => ({ again: type === 'message.part.delta' ? 1 : 12 }),
    })
    const replies = await collect(connection.turn('job in steps'))
    expectWhole(replies, whole)
    expect(joined(replies, 'reasoning')).toBe(pieces.slice(0, 6).join(''))
    expect(kinds(replies).filter((kind) => kind === 'tool_call')).toHaveLength(2)
  })

  it('by small and late pieces is complete', async ({ onTestFinished }) => {
    const { connection } = await through(onTestFinished, { pieceBytes: 7, delayMs: 3 })
    expectWhole(await collect(connection.turn('job in steps')), whole)
  })
})
