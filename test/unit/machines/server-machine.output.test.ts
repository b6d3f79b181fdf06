import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { TurnError } from '../../../src/errors.ts'
import type { Turn } from '../../../src/api/turn.ts'
import { startServer, type TestServer } from '../../support/machine-harness.ts'

const output = z.object({ n: z.number('not a number') })
const input = { text: 'count', output, maxRetries: 2 }
const words = { error: { name: 'StructuredOutputError', data: { message: 'no structured output' } } }

/** Returns a schema whose validation ends when the test says so. */
function slowSchema() {
  const { '~standard': standard } = output
  let settle: (value: unknown) => void = () => undefined
  const validate = () =>
    new Promise<{ value: unknown }>((resolve) => (settle = (value) => resolve({ value })))
  return { schema: { '~standard': { ...standard, validate } }, settle: (value: unknown) => settle(value) }
}

async function started(server: TestServer, given: Parameters<TestServer['turn']>[0] = input) {
  const turn = server.turn(given)
  const messages: string[] = []
  turn.status$.subscribe((status) => status.state === 'retrying' && messages.push(status.message))
  await server.advance()
  return Object.assign(turn, { messages })
}

const give = (server: TestServer, turn: Turn, structured: unknown) =>
  server.answer(turn, 'some words', { structured })

describe('A turn with output', () => {
  it('sends the JSON Schema, emits the answer as JSON in one piece, and resolves with the value', async () => {
    const server = startServer()
    const turn = await started(server, { ...input, traceId: 't1' })
    expect(server.world.client.contents).toMatchObject([
      { answerSchema: { type: 'object', required: ['n'] } },
    ])
    await give(server, turn, { n: 1, more: true })
    const content = '{"n":1,"more":true}'
    expect(turn.replies).toMatchObject([
      { kind: 'delta', content, trace_id: 't1' },
      { kind: 'final', content, finish_reason: 'stop', trace_id: 't1' },
    ])
    expect(await turn.output).toEqual({ n: 1 })
    expect(await turn.text()).toBe(content)
    expect(server.world.client.aborts).toEqual([])
  })

  it('tells the model what did not fit, in the same turn, and reports the retry', async () => {
    const server = startServer()
    const turn = await started(server)
    await give(server, turn, { n: 'x' })
    expect(turn.replies).toEqual([])
    const objection = 'The answer does not fit the schema: n: not a number'
    expect(turn.messages).toEqual([objection])
    const [first, second] = server.world.client.contents
    expect(second).toMatchObject({
      answerSchema: first?.answerSchema,
      parts: [{ type: 'text', synthetic: true, text: expect.stringContaining(`${objection}. `) as string }],
    })
    expect(new Set(server.world.client.prompts).size).toBe(1)
    await give(server, turn, { n: 2 })
    expect(turn.replies.map(({ kind }) => kind)).toEqual(['delta', 'final'])
    expect(await turn.output).toEqual({ n: 2 })
  })

  it('takes an answer that ends before the server has confirmed its prompt', async () => {
    const server = startServer()
    const turn = await started(server)
    const { client } = server.world
    const prompt = client.prompt.bind(client)
    let confirm: () => void = () => undefined
    client.prompt = async (...args) => {
      await prompt(...args)
      await new Promise<void>((resolve) => (confirm = resolve))
    }
    await give(server, turn, { n: 'x' })
    await give(server, turn, { n: 2 })
    expect(turn.replies).toEqual([])
    confirm()
    expect(await turn.output).toEqual({ n: 2 })
  })

  it('asks again after an answer in words', async () => {
    const server = startServer()
    const turn = await started(server)
    await server.answer(turn, 'One.', words)
    expect(server.world.client.contents.at(-1)?.parts).toMatchObject([
      { text: expect.stringContaining('Call the tool StructuredOutput') as string },
    ])
    await give(server, turn, { n: 1 })
    expect(await turn.output).toEqual({ n: 1 })
  })

  it('ends with invalid_output after maxRetries further prompts', async () => {
    const server = startServer()
    const turn = await started(server)
    for (const n of ['x', 'y', 'z']) await give(server, turn, { n })
    expect(server.world.client.contents).toHaveLength(3)
    expect(turn.replies).toMatchObject([
      {
        kind: 'error',
        code: 'invalid_output',
        retryable: true,
        error: 'The answer does not fit the schema: n: not a number',
      },
    ])
    await expect(turn.output).rejects.toBeInstanceOf(TurnError)
    await expect(turn.text()).rejects.toMatchObject({
      code: 'invalid_output',
      retryable: true,
      reply: turn.replies[0],
    })
  })

  it('does not ask again if maxRetries is 0', async () => {
    const server = startServer()
    const turn = await started(server, { ...input, maxRetries: 0 })
    await server.answer(turn, 'One.', words)
    expect(turn.replies).toMatchObject([
      { code: 'invalid_output', error: expect.stringContaining('in words') as string },
    ])
    expect(server.world.client.contents).toHaveLength(1)
  })

  it('is validated by a plain JSON Schema too', async () => {
    const server = startServer()
    const schema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] }
    const turn = await started(server, { text: 'count', output: schema })
    await give(server, turn, { n: 'x' })
    await expect.poll(() => server.world.client.contents.length).toBe(2)
    await give(server, turn, { n: 3 })
    expect(await turn.output).toEqual({ n: 3 })
  })

  it('keeps the failures of any other turn', async () => {
    const server = startServer()
    const turn = await started(server)
    const error = { name: 'ProviderAuthError', data: { message: 'Incorrect API key provided.' } }
    await server.answer(turn, '', { error })
    await expect(turn.output).rejects.toMatchObject({ code: 'auth', message: 'Incorrect API key provided.' })
  })

  it('masks secrets in the objection', async () => {
    const server = startServer()
    const schema = z.object({
      n: z.string().refine(() => false, `not ${server.options.values.proxy.providerId} sk-the-proxy-key`),
    })
    const turn = await started(server, { ...input, output: schema, maxRetries: 1 })
    await give(server, turn, { n: 'x' })
    await give(server, turn, { n: 'x' })
    expect(JSON.stringify([turn.messages, turn.replies])).not.toContain('sk-the-proxy-key')
    expect(turn.replies).toMatchObject([{ code: 'invalid_output' }])
  })
})

describe('A turn whose answer is being validated', () => {
  it('emits nothing until the validation has ended, and takes no snapshot meanwhile', async () => {
    const server = startServer()
    const { schema, settle } = slowSchema()
    const turn = await started(server, { ...input, output: schema })
    await give(server, turn, { n: 1 })
    await server.advance(5_000)
    expect(turn.replies).toEqual([])
    settle('late')
    expect(await turn.output).toBe('late')
    expect(turn.replies.map(({ kind }) => kind)).toEqual(['delta', 'final'])
  })

  it('ends when it is cancelled, and ignores the result', async () => {
    const server = startServer()
    const { schema, settle } = slowSchema()
    const turn = await started(server, { ...input, output: schema })
    await give(server, turn, { n: 1 })
    turn.cancel()
    settle({ n: 1 })
    await server.advance(1_000)
    expect(turn.replies).toMatchObject([{ kind: 'error', code: 'cancelled' }])
    await expect(turn.output).rejects.toMatchObject({ code: 'cancelled' })
  })

  it('ends at its deadline', async () => {
    const server = startServer()
    const { schema, settle } = slowSchema()
    const turn = await started(server, { ...input, output: schema, deadlineMs: 10_000 })
    await give(server, turn, { n: 1 })
    await server.advance(10_000)
    settle({ n: 1 })
    await server.advance(1_000)
    expect(turn.replies).toMatchObject([{ code: 'deadline_exceeded' }])
  })

  it('ends when its server dies', async () => {
    const server = startServer()
    const { schema, settle } = slowSchema()
    const turn = await started(server, { ...input, output: schema })
    await give(server, turn, { n: 1 })
    server.world.process.exit()
    settle({ n: 1 })
    await server.advance(1_000)
    expect(turn.replies).toMatchObject([{ code: 'server_died' }])
  })

  it('is not sent again after its server died before the further prompt, because the first one had arrived', async () => {
    const server = startServer()
    const turn = await started(server)
    server.world.client.refuses = true
    await give(server, turn, { n: 'one' })
    server.world.process.exit()
    server.world.client.refuses = false
    await server.advance(5_000)
    expect(turn.replies).toMatchObject([{ code: 'server_died' }])
    expect(server.world.client.contents).toHaveLength(2)
  })

  it('is sent again to the next server, if it has resume', async () => {
    const server = startServer()
    const { schema, settle } = slowSchema()
    const turn = await started(server, { ...input, output: schema, resume: true })
    await give(server, turn, { n: 1 })
    server.world.process.exit()
    settle({ n: 1 })
    await server.advance(5_000)
    expect(turn.replies).toEqual([])
    await give(server, turn, { n: 2 })
    settle({ n: 2 })
    expect(await turn.output).toEqual({ n: 2 })
    expect(server.world.client.contents.map(({ answerSchema }) => answerSchema !== undefined)).toEqual([
      true,
      true,
    ])
    expect(server.world.client.reverts).toHaveLength(1)
  })

  it.each([['Error'], ['ENOENT'], ['ECONNREFUSED']])(
    'ends as internal if the schema throws (%s)',
    async (code) => {
      const server = startServer()
      // A system error of the schema, such as a missing file, is not an error of the server.
      const fail = (): never => {
        throw Object.assign(new Error('the check is broken'), { code })
      }
      const turn = await started(server, { ...input, output: z.object({}).refine(fail) })
      await give(server, turn, {})
      expect(turn.replies).toMatchObject([{ code: 'internal', error: 'the check is broken' }])
      expect(server.runtime.turns.size).toBe(0)
    },
  )
})

describe('A turn whose output is no schema', () => {
  it('is rejected before anything is sent', async () => {
    const server = startServer()
    const turn = await started(server, { text: 'count', traceId: 't1', output: { n: 'number' } })
    expect(turn.replies).toMatchObject([
      { code: 'rejected', trace_id: 't1', error: expect.stringContaining('turn input output') as string },
    ])
    await expect(turn.output).rejects.toMatchObject({ name: 'TurnError', code: 'rejected' })
    expect(server.world.client.contents).toEqual([])
  })
})
