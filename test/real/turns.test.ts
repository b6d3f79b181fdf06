import { firstValueFrom } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, driveTurn, type OpenCodeServer, type Reply } from '../../src/index.ts'
import type { ScriptedModel } from '../../src/testing/index.ts'
import { apiKey, collect, kinds, realServer } from '../support/real.ts'

const call = (name: string, args: Record<string, unknown>) => ({ toolCalls: [{ name, args }] })
const readOutside = call('read', { filePath: '/etc/hostname' })
const which = {
  questions: [{ question: 'Which?', header: 'pick', options: [{ label: 'A', description: 'a' }] }],
}

let server: OpenCodeServer
let model: ScriptedModel
let close: () => Promise<void>

beforeAll(async () => {
  ;({ server, model, close } = await realServer([
    { match: 'Say hello', reply: { text: ['Hello', ' world'] } },
    {
      match: 'think and run',
      reply: [
        { reasoning: ['let me ', 'think'], ...call('bash', { command: 'printf hi', description: 'x' }) },
        { text: ['all ', 'done'], usage: { inputTokens: 100, outputTokens: 20, cachedTokens: 30 } },
      ],
    },
    {
      match: 'forbidden',
      reply: { error: { status: 401, message: `Incorrect API key provided: ${apiKey}` } },
    },
    { match: 'broken', reply: { error: { status: 503, message: 'upstream down' } } },
    {
      match: 'slow down',
      reply: { error: { status: 429, message: 'Rate limit reached', headers: { 'retry-after': '86400' } } },
    },
    { match: 'hang', reply: { hang: true } },
    { match: 'trickle', reply: { text: Array.from({ length: 400 }, (_, i) => `${i} `), chunkDelayMs: 50 } },
    { match: 'read it', reply: [readOutside, { text: 'went on' }] },
    { match: 'ask me', reply: [call('question', which), { text: 'thanks' }] },
    { match: 'remember', reply: (request) => ({ text: `${request.messages.length} messages` }) },
    { match: /^number (\d+)$/, reply: (request) => ({ text: ['I am ', request.text] }) },
  ]))
  await server.ensureRunning()
})

afterAll(() => close())

describe('a turn on the real server', () => {
  it('streams text, and ends with the whole text', async () => {
    const replies = await collect(server.turn({ text: 'Say hello', traceId: 't1' }))
    expect(replies).toEqual([
      { kind: 'delta', trace_id: 't1', content: 'Hello' },
      { kind: 'delta', trace_id: 't1', content: ' world' },
      {
        kind: 'final',
        trace_id: 't1',
        content: 'Hello world',
        finish_reason: 'stop',
        usage: expect.objectContaining({ input_tokens: 10, output_tokens: 5 }) as unknown,
      },
    ])
  })

  it('gives separate replies for reasoning, a tool call with its input, its result and the text', async () => {
    const replies = await collect(server.turn('think and run'))
    expect(kinds(replies)).toEqual([
      'reasoning',
      'reasoning',
      'tool_call',
      'tool_result',
      'delta',
      'delta',
      'final',
    ])
    expect(replies[2]).toMatchObject({ tool: 'bash', args: { command: 'printf hi', description: 'x' } })
    expect(replies[3]).toMatchObject({ tool: 'bash', result: 'hi', success: true })
    expect(replies.at(-1)).toMatchObject({
      content: 'all done',
      usage: { input_tokens: 80, cache_read_tokens: 30, output_tokens: 25 },
    })
  })

  it('ends with an auth error after a 401, with the key masked', async () => {
    const replies = await collect(server.turn('forbidden'))
    expect(replies).toEqual([
      {
        kind: 'error',
        trace_id: null,
        code: 'auth',
        retryable: false,
        error: 'Incorrect API key provided: ***',
      },
    ])
  })

  it('ends with model_not_found for an unknown model', async () => {
    const replies = await collect(server.turn({ text: 'Say hello', model: 'nope' }))
    expect(replies).toMatchObject([{ kind: 'error', code: 'model_not_found', retryable: false }])
  })

  it('ends with rejected for an unknown agent, although the server emits no idle', async () => {
    const replies = await collect(server.turn({ text: 'Say hello', agent: 'nope' }))
    expect(replies).toMatchObject([
      { kind: 'error', code: 'rejected', error: expect.stringContaining('Agent not found') as string },
    ])
  })

  it('fails after its retries, and aborts the work on the server', async () => {
    const turn = server.turn({ text: 'broken', maxRetries: 1 })
    expect(await collect(turn)).toMatchObject([
      { kind: 'error', code: 'provider_unavailable', retryable: true, error: 'upstream down' },
    ])
    expect(await isIdle((await turn.sessionId) ?? '')).toBe(true)
  })

  it('does not wait for a retry beyond its deadline', async () => {
    expect(await server.turn({ text: 'slow down', deadlineMs: 60_000 }).done).toMatchObject({
      code: 'rate_limited',
      retryable: true,
    })
  })

  it('stalls on a provider that hangs', async () => {
    const turn = server.turn({ text: 'hang', stallMs: 1_500 })
    expect(await turn.done).toMatchObject({ kind: 'error', code: 'stalled', retryable: true })
    expect(await isIdle((await turn.sessionId) ?? '')).toBe(true)
  })

  it('ends at its deadline with the partial text', async () => {
    const end = await server.turn({ text: 'trickle', deadlineMs: 4_000 }).done
    expect(end).toMatchObject({
      kind: 'error',
      code: 'deadline_exceeded',
      retryable: true,
      partial: expect.stringMatching(/^0 1 2 /) as string,
    })
  })

  it('can be cancelled, and its session accepts the next turn', async () => {
    const session = server.session()
    const turn = session.turn('trickle')
    await firstValueFrom(turn.replies$)
    turn.cancel()
    const end = await turn.done
    expect(end).toMatchObject({
      kind: 'error',
      code: 'cancelled',
      retryable: false,
      partial: expect.stringMatching(/^0 /) as string,
    })
    expect(await session.turn('Say hello').done).toMatchObject({ kind: 'final', content: 'Hello world' })
  })

  it('rejects a permission with a message by default, and the model continues', async () => {
    const turn = server.turn('read it')
    const request = firstValueFrom(turn.requests$)
    const replies = await collect(turn)
    expect(await request).toMatchObject({
      type: 'permission',
      permission: 'external_directory',
      child: false,
    })
    expect(kinds(replies)).toEqual(['tool_call', 'tool_result', 'delta', 'final'])
    expect(replies[1]).toMatchObject({ tool: 'read', success: false })
    expect(replies.at(-1)).toMatchObject({ content: 'went on', finish_reason: 'stop' })
  })

  it('calls its policy for a permission', async () => {
    const asked: string[][] = []
    const replies = await collect(
      server.turn({
        text: 'read it',
        onPermission: ({ patterns }) => (asked.push(patterns), Promise.resolve('once')),
      }),
    )
    expect(asked).toEqual([['/etc/*']])
    expect(replies[1]).toMatchObject({ tool: 'read', success: true })
  })

  it('answers questions by its policy, and dismisses them by default', async () => {
    const answered = await collect(server.turn({ text: 'ask me', onQuestion: () => [['A']] }))
    expect(answered.find((reply) => reply.kind === 'tool_result')).toMatchObject({
      success: true,
      result: expect.stringContaining('"Which?"="A"') as string,
    })
    expect(answered.at(-1)).toMatchObject({ kind: 'final', content: 'thanks' })
    const dismissed = await collect(server.turn('ask me'))
    expect(dismissed.find((reply) => reply.kind === 'tool_result')).toMatchObject({ success: false })
    expect(dismissed.at(-1)?.kind).toBe('final')
  })

  it('is remembered by the next turn of the session', async () => {
    const session = server.session({ title: 'two turns' })
    const [first, second] = [session.turn('remember 1'), session.turn('remember 2')]
    const [one, two] = [await first.done, await second.done]
    expect([one.kind, two.kind]).toEqual(['final', 'final'])
    expect(await first.sessionId).toBe(await second.sessionId)
    const [before, after] = model.requests.filter(({ text }) => text.startsWith('remember'))
    expect(after?.messages.length).toBe((before?.messages.length ?? 0) + 2)
    expect(await session.id).toBe(await first.sessionId)
    await session.delete()
    expect(await server.turn({ text: 'x', sessionId: (await first.sessionId) ?? '' }).done).toMatchObject({
      code: 'session_not_found',
    })
  })

  it('does not mix twelve concurrent turns', async () => {
    const turns = Array.from({ length: 12 }, (_, i) => server.turn(`number ${i}`))
    const ends = await Promise.all(turns.map((turn) => turn.done))
    expect(ends.map((end) => end.kind === 'final' && end.content)).toEqual(
      turns.map((_, i) => `I am number ${i}`),
    )
  })

  it('sends its system prompt and a text file', async () => {
    const data = Buffer.from('# notes\nforty-two').toString('base64')
    const turn = server.turn({
      text: 'Say hello',
      system: 'You are terse.',
      attachments: [{ mime: 'text/markdown', data, filename: 'notes.md' }],
    })
    expect((await turn.done).kind).toBe('final')
    const { messages } = model.requests.at(-1) ?? { messages: [] }
    expect(JSON.stringify(messages)).toContain('You are terse.')
    expect(JSON.stringify(messages)).toContain('forty-two')
  })
})

describe('a server of another program', () => {
  const endpoint = () => ({
    baseURL: server.baseURL ?? '',
    password: server.password ?? '',
    modelId: 'gpt-4o',
  })

  it('runs a turn by driveTurn, whose sink gets every reply in order', async () => {
    const seen: Reply[] = []
    const last = await driveTurn('Say hello', 't7', (reply) => Promise.resolve(seen.push(reply)), endpoint())
    expect(kinds(seen)).toEqual(['delta', 'delta', 'final'])
    expect(seen.at(-1)).toEqual(last)
    expect(last).toMatchObject({ trace_id: 't7', content: 'Hello world' })
  })

  it('runs a turn to its end if the sink throws or hangs', async () => {
    const throws = () => {
      throw new Error('sink')
    }
    expect((await driveTurn('Say hello', null, throws, endpoint())).kind).toBe('final')
    const hangs = () => new Promise(() => undefined)
    expect((await driveTurn('Say hello', null, hangs, { ...endpoint(), sinkTimeoutMs: 50 })).kind).toBe(
      'final',
    )
  })

  it('gives an error if it rejects the password or does not run', async () => {
    const seen: Reply[] = []
    const wrong = await driveTurn('Say hello', 't8', (reply) => seen.push(reply), {
      ...endpoint(),
      password: 'wrong-password',
    })
    expect(wrong).toMatchObject({
      kind: 'error',
      code: 'server_unavailable',
      trace_id: 't8',
      error: expect.stringContaining('401') as string,
    })
    expect(seen).toEqual([wrong])
    const gone = await driveTurn('Say hello', null, () => undefined, {
      ...endpoint(),
      baseURL: 'http://127.0.0.1:9',
    })
    expect(gone).toMatchObject({ kind: 'error', code: 'server_unavailable', retryable: true })
  })

  it('runs turns and sessions by connect, and keeps running after close', async () => {
    const connection = connect(endpoint())
    const session = connection.session()
    expect(await session.turn('Say hello').done).toMatchObject({ kind: 'final' })
    expect(await session.turn('remember').done).toMatchObject({ kind: 'final' })
    await connection.close()
    expect(await connection.turn('Say hello').done).toMatchObject({ code: 'cancelled' })
    expect(server.isRunning()).toBe(true)
    expect(await server.turn('Say hello').done).toMatchObject({ kind: 'final' })
  })
})

/** Returns whether the server reports a session as idle. */
async function isIdle(sessionId: string): Promise<boolean> {
  const authorization = `Basic ${Buffer.from(`opencode:${server.password ?? ''}`).toString('base64')}`
  const directory = encodeURIComponent(server.actor.getSnapshot().context.options.values.directory)
  const read = async () => {
    const response = await fetch(`${server.baseURL ?? ''}/session/status?directory=${directory}`, {
      headers: { authorization },
    })
    return Object.keys((await response.json()) as object)
  }
  await expect.poll(read, { timeout: 20_000 }).not.toContain(sessionId)
  return true
}
