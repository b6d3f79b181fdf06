import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, it } from 'vitest'
import { TurnRecord } from '../../../src/actors/turn/turn-record.ts'
import { Conversation } from '../../../src/actors/turn/conversation.ts'
import { planTurn } from '../../../src/api/turn-input.ts'
import { optionsOf, secrets, startServer } from '../../support/machine-harness.ts'
import { useOpenTelemetry, type Point } from '../../support/otel.ts'

const genAi = {
  'gen_ai.operation.name': 'invoke_agent',
  'gen_ai.provider.name': 'litellm',
  'gen_ai.request.model': 'gpt-4o',
}
const tokens = { input: 600, output: 150, reasoning: 50, cache: { read: 400, write: 7 } }

/** Returns the sum of an up-down counter for each state of a turn. */
const active = (points: Point[]): Record<string, number> =>
  Object.fromEntries(
    points.map(({ attributes, value }) => [String(attributes['opencode_runtime.turn.state']), value]),
  )

const edges = (boundaries: number[] = []) => [boundaries[0], boundaries.at(-1), boundaries.length]

describe('A turn', () => {
  it("has a span under the caller's span, from turn() to its last reply", async () => {
    const otel = useOpenTelemetry()
    const server = startServer()
    const caller = trace.getTracer('test').startSpan('request')
    const turn = context.with(trace.setSpan(context.active(), caller), () =>
      server.turn({ text: 'hello', traceId: 't1', agent: 'plan' }),
    )
    await server.advance()
    await server.answer(turn, 'Hello', { tokens, cost: 0.25 })
    const [span] = otel.spans('invoke_agent plan')
    expect(span?.parentSpanContext?.spanId).toBe(caller.spanContext().spanId)
    expect(span?.spanContext().traceId).toBe(caller.spanContext().traceId)
    expect(span?.kind).toBe(SpanKind.CLIENT)
    expect(span?.status).toEqual({ code: SpanStatusCode.UNSET })
    expect(span?.instrumentationScope).toMatchObject({ name: 'opencode-runtime', version: '0.1.0' })
    expect(span?.attributes).toEqual({
      ...genAi,
      'gen_ai.agent.name': 'plan',
      'gen_ai.conversation.id': 'ses_1',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': 1007,
      'gen_ai.usage.output_tokens': 200,
      'gen_ai.usage.cache_read.input_tokens': 400,
      'gen_ai.usage.cache_creation.input_tokens': 7,
      'opencode_runtime.trace_id': 't1',
      'opencode_runtime.turn.cost': 0.25,
      'opencode_runtime.turn.id': turn.id,
    })
    expect(span?.events.map(({ name }) => name.replace('opencode_runtime.turn.', ''))).toEqual([
      'waiting_for_server',
      'running',
      'first_delta',
    ])
  })

  it('is counted, with its duration, tokens, cost and time to the first delta', async () => {
    const otel = useOpenTelemetry()
    const server = startServer({}, { spawn: 'pending' })
    const turn = server.turn()
    await server.advance(1500)
    server.world.process.spawned()
    server.world.process.listen()
    await server.advance(500)
    await server.answer(turn, 'Hello', { tokens, cost: 0.25 })
    expect(await otel.points('opencode_runtime.turns')).toEqual([
      { attributes: { ...genAi, 'opencode_runtime.outcome': 'final' }, value: 1 },
    ])
    const [duration] = await otel.points('gen_ai.client.operation.duration')
    expect(duration).toMatchObject({ attributes: genAi, count: 1, value: 2 })
    expect(edges(duration?.boundaries)).toEqual([0.01, 2621.44, 19])
    expect(duration?.boundaries?.slice(12, 14)).toEqual([40.96, 81.92])
    const [first] = await otel.points('opencode_runtime.turn.time_to_first_delta')
    expect(first).toMatchObject({ attributes: genAi, count: 1, value: 2 })
    const used = await otel.points('gen_ai.client.token.usage')
    expect(used.map(({ attributes, value }) => [attributes['gen_ai.token.type'], value])).toEqual([
      ['input', 1007],
      ['output', 200],
    ])
    expect(used[0]?.attributes).toEqual({ ...genAi, 'gen_ai.token.type': 'input' })
    expect(edges(used[0]?.boundaries)).toEqual([1, 67108864, 14])
    expect(await otel.points('opencode_runtime.turn.cost')).toEqual([{ attributes: genAi, value: 0.25 }])
  })

  it('has its code in the span when it fails; a turn that its host cancelled is not an error', async () => {
    const otel = useOpenTelemetry()
    const server = startServer({}, { endsOn: 'SIGTERM' })
    const cancelled = server.turn()
    const dying = server.turn()
    await server.advance()
    cancelled.cancel()
    await server.advance()
    server.world.process.exit(`killed, with ${secrets.apiKey}`)
    await server.advance()
    await dying.done
    server.turn({ text: '' })
    const outcomes = await otel.points('opencode_runtime.turns')
    expect(outcomes.map(({ attributes }) => attributes['opencode_runtime.outcome'])).toEqual([
      'cancelled',
      'server_died',
      'rejected',
    ])
    // The model of a rejected input is unknown.
    expect(outcomes[2]?.attributes).not.toHaveProperty('gen_ai.request.model')
    const errors = (await otel.points('gen_ai.client.operation.duration')).map(
      (p) => p.attributes['error.type'],
    )
    expect(errors).toEqual(['cancelled', 'server_died', 'rejected'])
    expect(await otel.points('gen_ai.client.token.usage')).toEqual([])
    const spans = otel.spans('invoke_agent')
    expect(spans.map(({ attributes }) => attributes['error.type'])).toEqual(errors)
    expect(spans.map(({ status }) => status.code)).toEqual([
      SpanStatusCode.UNSET,
      SpanStatusCode.ERROR,
      SpanStatusCode.ERROR,
    ])
    expect(spans[1]?.status.message).toBe('The server died: killed, with ***')
  })

  it('counts as waiting, then as running, then not at all', async () => {
    const otel = useOpenTelemetry()
    const server = startServer({ maxConcurrentTurns: 1 })
    const [first, , last] = [server.turn(), server.turn(), server.turn()] as const
    const count = async () => active(await otel.points('opencode_runtime.turn.active'))
    expect(await count()).toEqual({ waiting: 3 })
    await server.advance()
    expect(await count()).toEqual({ waiting: 2, running: 1 })
    await server.answer(first)
    expect(await count()).toEqual({ waiting: 1, running: 1 })
    last.cancel()
    server.world.process.exit()
    await server.advance()
    expect(await count()).toEqual({ waiting: 0, running: 0 })
  })

  it('waits again when its server dies and it has resume; its span records the retry', async () => {
    const otel = useOpenTelemetry()
    const server = startServer()
    const turn = server.turn({ text: 'hello', resume: true })
    await server.advance()
    server.world.script.spawn = 'pending'
    server.world.process.exit('crashed in /srv/agents/a1')
    await server.advance()
    expect(active(await otel.points('opencode_runtime.turn.active'))).toEqual({ waiting: 1, running: 0 })
    server.world.script.spawn = 'listens'
    server.world.process.spawned()
    server.world.process.listen()
    await server.advance()
    await server.answer(turn)
    expect(active(await otel.points('opencode_runtime.turn.active'))).toEqual({ waiting: 0, running: 0 })
    const retry = otel.spans('invoke_agent')[0]?.events.find(({ name }) => name.endsWith('.retrying'))
    expect(retry?.attributes).toEqual({
      'opencode_runtime.retry.attempt': 1,
      'opencode_runtime.retry.delay': 0,
      'opencode_runtime.retry.message': 'The server died: crashed in <path>',
    })
  })

  it('records only its first delta', () => {
    const { values } = optionsOf()
    const record = new TurnRecord(planTurn('x', values).plan, new Conversation({ key: 'k' }), 0, 1000)
    const told: string[] = []
    record.hooks = [{ onFirstDelta: () => told.push('first'), onEnd: () => told.push('end') }]
    record.emit({ kind: 'reasoning', trace_id: null, content: 'a' })
    for (const content of ['a', 'b', 'c']) record.emit({ kind: 'delta', trace_id: null, content })
    const cause = { code: 'internal', error: 'x' } as const
    record.fail(cause, (text) => text)
    record.fail(cause, (text) => text)
    expect(told).toEqual(['first', 'end'])
  })
})
