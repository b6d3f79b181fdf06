import { filter, firstValueFrom } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { connect, TurnError, type OpenCodeEvent, type OpenCodeServer, type Turn } from '../../src/index.ts'
import type { ModelRequest, ScriptedModel } from '../../src/testing/index.ts'
import { collect, kinds, realServer } from '../support/real.ts'
import { expectWhole } from '../support/replies.ts'
import { until, untilIdle } from '../support/server-api.ts'
import { startStreamProxy, type Fate } from '../support/stream-proxy.ts'

const bash = (command: string) => ({ name: 'bash', args: { command, description: command } })
const schema = z.object({ n: z.number().describe('How many'), unit: z.string().default('files') })
const json = '{"n":1}'
const words = { text: 'There are three.' }

let server: OpenCodeServer
let model: ScriptedModel
let close: () => Promise<void>

beforeAll(async () => {
  ;({ server, model, close } = await realServer(
    [
      {
        match: 'count with a tool',
        reply: [
          { text: 'I look.', toolCalls: [bash('printf abc')] },
          { text: 'Here.', output: { n: 1 }, chunkDelayMs: 20 },
        ],
      },
      { match: 'count wrongly', reply: { output: { n: 'three' }, usage: { inputTokens: 100 } } },
      { match: 'does not fit the schema', reply: { output: { n: 1 }, usage: { inputTokens: 20 } } },
      { match: 'count in words', reply: words },
      { match: 'never fit', reply: { output: {} } },
      { match: 'answered in words', reply: { output: { n: 1 } } },
      {
        match: 'take your time',
        reply: { text: Array.from({ length: 200 }, (_, i) => `${i} `), chunkDelayMs: 50 },
        times: 1,
      },
      { match: 'take your time', reply: { output: { n: 1 } } },
      { match: 'Say hello', reply: { text: ['Hello', ' world'], chunkDelayMs: 20 } },
    ],
    { maxRestarts: 10, backoffInitialMs: 10 },
  ))
  await server.ensureRunning()
})

afterAll(() => close())

const messagesOfRetries = (turn: Turn): string[] => {
  const seen: string[] = []
  turn.status$.subscribe((status) => status.state === 'retrying' && seen.push(status.message))
  return seen
}
const requestsOf = async (turn: Turn): Promise<ModelRequest[]> => {
  const sessionId = await turn.sessionId
  return model.requests.filter(({ sessionID, kind }) => sessionID === sessionId && kind === 'chat')
}
const texts = ({ messages }: ModelRequest): string => JSON.stringify(messages.map(({ content }) => content))

describe('a turn with output on the real opencode', () => {
  it('offers the schema as a tool that the model must call, and shows neither words nor that tool', async () => {
    const turn = server.turn({ text: 'count with a tool', output: schema, traceId: 't1' })
    const replies = await collect(turn)
    expect(await turn.output).toEqual({ n: 1, unit: 'files' })
    expect(kinds(replies)).toEqual(['tool_call', 'tool_result', 'delta', 'final'])
    expect(expectWhole(replies, json)).toMatchObject({ finish_reason: 'stop', trace_id: 't1' })
    const requests = await requestsOf(turn)
    expect(requests).toHaveLength(2)
    for (const { body, tools } of requests) {
      expect(body['tool_choice']).toBe('required')
      const offered = tools.find((tool) => tool.function.name === 'StructuredOutput')
      expect(offered?.function.parameters).toMatchObject({
        type: 'object',
        properties: { n: { type: 'number', description: 'How many' } },
        required: ['n'],
      })
    }
  })

  it('is asked again in its session, with the reasons, until the answer fits', async () => {
    const turn = server.turn({ text: 'count wrongly', output: schema })
    const retries = messagesOfRetries(turn)
    const replies = await collect(turn)
    expect(await turn.output).toEqual({ n: 1, unit: 'files' })
    expect(expectWhole(replies, json).usage).toMatchObject({ input_tokens: 120 })
    const objection = 'The answer does not fit the schema: n: Invalid input: expected number, received string'
    expect(retries).toEqual([objection])
    const [, second] = await requestsOf(turn)
    expect(second?.text).toContain(objection)
    expect(second && texts(second)).toContain('count wrongly')
  })

  it('is asked again after an answer in words', async () => {
    const turn = server.turn({ text: 'count in words', output: schema })
    expectWhole(await collect(turn), json)
    expect(await turn.output).toEqual({ n: 1, unit: 'files' })
    expect(await requestsOf(turn)).toHaveLength(2)
  })

  it('ends with invalid_output if no answer fits', async () => {
    const turn = server.turn({
      text: 'never fit',
      output: z.object({ n: z.string('never fit') }),
      maxRetries: 2,
    })
    const [last, ...others] = await collect(turn)
    expect(others).toEqual([])
    expect(last).toMatchObject({
      code: 'invalid_output',
      error: 'The answer does not fit the schema: n: never fit',
    })
    await expect(turn.output).rejects.toBeInstanceOf(TurnError)
    expect(await requestsOf(turn)).toHaveLength(3)
  })

  it('continues a conversation, and is continued by turns without output', async () => {
    const session = server.session()
    expect(await session.turn('Say hello').text()).toBe('Hello world')
    expect(await session.turn({ text: 'count wrongly', output: schema }).output).toMatchObject({ n: 1 })
    const last = session.turn('Say hello')
    expect(await last.text()).toBe('Hello world')
    const request = (await requestsOf(last)).at(-1)
    expect(request?.body['tool_choice']).not.toBe('required')
    expect(request?.tools.map((tool) => tool.function.name)).not.toContain('StructuredOutput')
  })

  it('can be cancelled, and its session goes on', async () => {
    const session = server.session()
    const turn = session.turn({ text: 'take your time', output: schema })
    await until('the model is asked', async () => (await requestsOf(turn)).length === 1)
    turn.cancel()
    await expect(turn.output).rejects.toMatchObject({ code: 'cancelled' })
    expect(await session.turn({ text: 'take your time', output: schema }).output).toMatchObject({ n: 1 })
  })
})

const infoOf = ({ properties }: OpenCodeEvent) =>
  (properties['info'] ?? {}) as { role?: string; structured?: unknown }
const partOf = ({ properties }: OpenCodeEvent) => (properties['part'] ?? {}) as { tool?: string }
const places: [string, (event: OpenCodeEvent) => boolean][] = [
  ['at its prompt', (event) => infoOf(event).role === 'user'],
  ['at its first answer', (event) => infoOf(event).role === 'assistant'],
  ['at a delta', ({ type }) => type === 'message.part.delta'],
  ['at a tool', (event) => partOf(event).tool === 'bash'],
  ['at the call that gives the answer', (event) => partOf(event).tool === 'StructuredOutput'],
  ['at the answer', (event) => infoOf(event).structured !== undefined],
  ['at idle', ({ type }) => type === 'session.idle'],
]

/** Opens a connection whose event stream is cut before the first matching event, and stays down until `resume`. */
async function through(at: (event: OpenCodeEvent) => boolean, staysDown: boolean) {
  let isCut = false
  const proxy = await startStreamProxy(server.baseURL ?? '', {
    onFrame: (event): Fate => {
      if (isCut || !at(event)) return 'pass'
      isCut = true
      proxy.faults.isRefusing = staysDown
      return 'cutBefore'
    },
  })
  const connection = connect({ baseURL: proxy.baseURL, password: server.password ?? '', modelId: 'gpt-4o' })
  onTestFinished(async () => {
    await connection.close()
    await proxy.close()
  })
  return { connection, resume: () => (proxy.faults.isRefusing = false) }
}

/** Waits until opencode has worked on the turn and is idle. */
async function untilWorked(turn: Turn, requests: number): Promise<void> {
  await until('the model was asked', async () => (await requestsOf(turn)).length >= requests)
  await untilIdle(server, await turn.sessionId)
}

describe('a turn with output whose event stream is cut', () => {
  it.each(places)('%s, and reopened, is complete', async (_, at) => {
    const { connection } = await through(at, false)
    const turn = connection.turn({ text: 'count with a tool', output: schema })
    const replies = await collect(turn)
    expectWhole(replies, json)
    expect(kinds(replies)).toEqual(['tool_call', 'tool_result', 'delta', 'final'])
    expect(await turn.output).toEqual({ n: 1, unit: 'files' })
  })

  it.each(places)('%s, and down until the answer has ended, is complete', async (_, at) => {
    const { connection, resume } = await through(at, true)
    const turn = connection.turn({ text: 'count with a tool', output: schema })
    const replies = collect(turn)
    await untilWorked(turn, 2)
    resume()
    expectWhole(await replies, json)
    expect(kinds(await replies)).toEqual(['tool_call', 'tool_result', 'delta', 'final'])
  })

  it('in the middle of a later turn without output is complete too', async () => {
    const { connection, resume } = await through(({ type }) => type === 'message.part.delta', true)
    const session = connection.session()
    await session.turn({ text: 'count wrongly', output: schema }).output
    const turn = session.turn('Say hello')
    const replies = collect(turn)
    await untilWorked(turn, 3)
    resume()
    expectWhole(await replies, 'Hello world')
  })

  it('is asked again if the missed answer does not fit', async () => {
    const { connection, resume } = await through((event) => infoOf(event).structured !== undefined, true)
    const turn = connection.turn({ text: 'count wrongly', output: schema })
    const replies = collect(turn)
    await untilWorked(turn, 1)
    resume()
    expect(expectWhole(await replies, json).usage).toMatchObject({ input_tokens: 120 })
  })
})

describe('a turn with output and resume, whose server is killed', () => {
  it('is prompted again on the next server', async () => {
    const session = server.session()
    const turn = session.turn({ text: 'take your time', output: schema, resume: true })
    const running = firstValueFrom(turn.status$.pipe(filter(({ state }) => state === 'running')))
    await running
    await until('the model is asked', async () => (await requestsOf(turn)).length === 1)
    process.kill(server.pid ?? 0, 'SIGKILL')
    expectWhole(await collect(turn), json)
    const requests = await requestsOf(turn)
    const last = requests.at(-1)
    expect(last && texts(last).split('take your time')).toHaveLength(2)
  })
})
