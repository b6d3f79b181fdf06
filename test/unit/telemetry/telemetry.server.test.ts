import { metrics, SpanStatusCode, trace, type MeterProvider, type TracerProvider } from '@opentelemetry/api'
import { describe, expect, it } from 'vitest'
import { createActor, setup } from 'xstate'
import { serverMachine } from '../../../src/api/server-machine.ts'
import { loadApi } from '../../../src/telemetry/api.ts'
import { startTurn } from '../../../src/api/turn.ts'
import type { ServerActorRef } from '../../../src/machines/server-machine.ts'
import { FakeWorld } from '../../support/fake-world.ts'
import { optionsOf, secrets, startServer, type TestServer } from '../../support/machine-harness.ts'
import { forget, useOpenTelemetry } from '../../support/otel.ts'
import { settled, SteppedClock } from '../../support/stepped-clock.ts'

const starts = 'opencode_runtime.server.starts'
const restarts = 'opencode_runtime.server.restarts'
const outcome = (value: string) => ({ 'opencode_runtime.outcome': value })

describe('A start', () => {
  it('is counted and timed, and has a span of its own', async () => {
    const otel = useOpenTelemetry()
    const server = startServer({}, { spawn: 'pending' })
    server.send({ type: 'server.start' })
    await server.advance(1800)
    server.world.process.spawned()
    server.world.process.listen()
    await server.advance()
    expect(await otel.points(starts)).toEqual([{ attributes: outcome('healthy'), value: 1 }])
    expect(await otel.points('opencode_runtime.server.time_to_healthy')).toMatchObject([
      { attributes: {}, count: 1, value: 1.8 },
    ])
    const [span] = otel.spans('opencode_runtime.server.start')
    expect(span?.parentSpanContext).toBeUndefined()
    expect(span?.status).toEqual({ code: SpanStatusCode.UNSET })
    expect(span?.attributes).toEqual({
      ...outcome('healthy'),
      'opencode_runtime.restarts': 0,
      'process.pid': 1001,
    })
    expect(await otel.points(restarts)).toEqual([])
  })

  it('records one masked line of its error when it fails', async () => {
    const otel = useOpenTelemetry()
    const server = startServer({ maxRestarts: 1 }, { spawn: 'pending' })
    server.send({ type: 'server.start' })
    await server.advance()
    server.world.process.exit(`exited with code 1, ${secrets.password}\nIts last output:\nhello`)
    await server.advance(1000)
    server.world.process.exit()
    await server.advance()
    expect(server.state()).toBe('failed')
    const type = { 'error.type': 'ERR_OPENCODE_SERVER_EXITED' }
    expect(await otel.points(starts)).toEqual([{ attributes: { ...outcome('failed'), ...type }, value: 2 }])
    const [first, second] = otel.spans('opencode_runtime.server.start')
    expect(first?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'exited with code 1, ***' })
    expect(first?.events).toMatchObject([
      {
        name: 'exception',
        attributes: {
          'exception.type': 'ServerExitedError',
          'exception.message': 'exited with code 1, ***',
        },
      },
    ])
    expect(second?.attributes).toMatchObject({
      'opencode_runtime.restarts': 1,
      'opencode_runtime.reason': 'exited',
    })
    expect(await otel.points('opencode_runtime.server.time_to_healthy')).toEqual([])
  })

  it('counts as failed if it cannot be prepared', async () => {
    const otel = useOpenTelemetry()
    const server = startServer({}, { prepare: new Error('no opencode') })
    server.send({ type: 'server.start' })
    await server.advance()
    expect(await otel.points(starts)).toEqual([
      { attributes: { ...outcome('failed'), 'error.type': 'ERR_OPENCODE_RUNTIME' }, value: 1 },
    ])
  })

  it.each([
    ['stopped', (server: TestServer) => server.send({ type: 'server.stop' })],
    ['ended from outside', (server: TestServer) => void server.actor.stop()],
  ])('does not count as failed when it is %s, also after a failed start', async (_name, stop) => {
    const otel = useOpenTelemetry()
    const server = startServer({}, { spawn: 'pending' })
    server.send({ type: 'server.start' })
    await server.advance()
    server.world.process.exit()
    await server.advance(1000)
    server.world.process.spawned()
    stop(server)
    await server.advance(10_000)
    const counted = await otel.points(starts)
    expect(counted.map(({ attributes, value }) => [attributes['opencode_runtime.outcome'], value])).toEqual([
      ['failed', 1],
      ['stopped', 1],
    ])
    expect(otel.spans('opencode_runtime.server.start')[1]?.status).toEqual({ code: SpanStatusCode.UNSET })
  })
})

describe('A restart', () => {
  it('is counted by its reason', async () => {
    const otel = useOpenTelemetry()
    const server = startServer({ startTimeoutMs: 1000 })
    await server.beHealthy()
    server.world.process.exit('something with a number: 17')
    await server.advance(1000)
    server.world.script.probe = 'fails'
    await server.advance(15_000)
    server.world.script.probe = 'ok'
    await server.advance(10_000)
    const counted = (await otel.points(restarts)).map((p) => [
      p.attributes['opencode_runtime.reason'],
      p.value,
    ])
    expect(Object.fromEntries(counted)).toMatchObject({ exited: 1, wedged: 1 })
    expect(counted.reduce((sum, [, value]) => sum + Number(value), 0)).toBe(server.context().restarts)
  })

  it('is not counted for a stop and a start', async () => {
    const otel = useOpenTelemetry()
    const server = startServer()
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    server.send({ type: 'server.start' })
    await server.advance(1000)
    expect(server.state()).toBe('healthy')
    expect(await otel.points(restarts)).toEqual([])
    expect(await otel.points(starts)).toMatchObject([{ value: 2 }])
  })
})

/** Runs starts, turns, a crash, a wedge and a stop, so that each instrument gets a value. */
async function live(server: TestServer): Promise<void> {
  const turn = server.turn({ text: 'the-prompt', system: 'the-system-prompt', traceId: 't1' })
  await server.advance()
  await server.answer(turn, 'the-answer', { tokens: { input: 1, output: 1 }, cost: 1 })
  server.turn('the-prompt')
  await server.advance()
  server.world.process.exit(`crashed: ${secrets.apiKey} ${secrets.password}`)
  await server.advance()
  Object.assign(server.world.script, { probe: 'fails', failure: secrets.password })
  await server.advance(20_000)
  server.world.script.probe = 'ok'
  await server.advance(1000)
  server.send({ type: 'server.stop' })
  await server.advance(1000)
  expect(server.state()).toBe('idle')
}

describe('A parent machine with a server', () => {
  it('gets the same error of a defect as without telemetry', async () => {
    const otel = useOpenTelemetry()
    const options = optionsOf()
    const broken = serverMachine.provide({
      actors: new FakeWorld({ spawn: 'pending' }).actors(),
      guards: {
        hasTurn: () => {
          throw new Error('a defect')
        },
      },
    })
    const parent = setup({ actors: { broken } }).createMachine({
      initial: 'open',
      states: {
        open: { invoke: { id: 'opencode', src: 'broken', input: () => options, onError: 'told' } },
        told: {},
      },
    })
    const actor = createActor(parent, { clock: new SteppedClock() }).start()
    const server = actor.getSnapshot().children['opencode'] as unknown as ServerActorRef
    server.send({ type: 'server.start' })
    const turn = startTurn(server, 'hello')
    expect(actor.getSnapshot().value).toBe('told')
    expect(await turn.done).toMatchObject({ code: 'cancelled' })
    await settled()
    expect(await otel.points(starts)).toEqual([{ attributes: outcome('stopped'), value: 1 }])
  })
})

describe('telemetry', () => {
  it('contains no secret, prompt or answer, and no id in a metric', async () => {
    const otel = useOpenTelemetry()
    const server = startServer()
    await live(server)
    const text = await otel.text()
    expect(await otel.names()).toHaveLength(9)
    for (const secret of [...Object.values(secrets), 'the-prompt', 'the-system-prompt', 'the-answer'])
      expect(text.includes(secret), secret).toBe(false)
    const keys = new Set<string>()
    for (const name of await otel.names())
      for (const { attributes } of await otel.points(name))
        Object.keys(attributes).forEach((key) => keys.add(key))
    expect([...keys].sort()).toEqual([
      'error.type',
      'gen_ai.operation.name',
      'gen_ai.provider.name',
      'gen_ai.request.model',
      'gen_ai.token.type',
      'opencode_runtime.outcome',
      'opencode_runtime.reason',
      'opencode_runtime.turn.state',
    ])
  })

  it('records nothing without an SDK, and begins when an SDK is set up later', async () => {
    forget()
    const server = startServer()
    const early = server.turn()
    await server.advance()
    const otel = useOpenTelemetry()
    await server.answer(early)
    const late = server.turn()
    await server.advance()
    await server.answer(late)
    expect(await otel.points('opencode_runtime.turns')).toMatchObject([{ value: 2 }])
    const counted = await otel.points('opencode_runtime.turn.active')
    expect(counted.map(({ value }) => value)).toEqual([0, 0])
  })

  it('affects nothing else when it throws', async () => {
    useOpenTelemetry()
    forget()
    const fail = (): never => {
      throw new Error('a defect of the SDK')
    }
    const broken = { createCounter: fail, createHistogram: fail, createUpDownCounter: fail }
    metrics.setGlobalMeterProvider({ getMeter: () => broken } as unknown as MeterProvider)
    trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan: fail }) } as unknown as TracerProvider)
    await live(startServer())
  })

  it('loses no metric when a span throws', async () => {
    const otel = useOpenTelemetry()
    trace.disable()
    const fail = (): never => {
      throw new Error('a defect of the SDK')
    }
    const span = { setAttribute: fail, setAttributes: fail, addEvent: fail, setStatus: fail, end: fail }
    trace.setGlobalTracerProvider({
      getTracer: () => ({ startSpan: () => ({ ...span, recordException: fail }) }),
    } as unknown as TracerProvider)
    await live(startServer())
    expect(await otel.names()).toHaveLength(9)
  })

  it('is absent if the package is not installed', () => {
    const missing = () => {
      throw Object.assign(new Error("Cannot find module '@opentelemetry/api'"), { code: 'MODULE_NOT_FOUND' })
    }
    expect(loadApi(missing)).toBeUndefined()
    expect(loadApi()?.metrics).toBe(metrics)
  })
})
