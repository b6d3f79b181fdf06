import { context, trace } from '@opentelemetry/api'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createActor, setup, waitFor } from 'xstate'
import { connect, OpenCodeServer, serverMachine, startTurn, compileOptions } from '../../src/index.ts'
import type { Logger } from '../../src/index.ts'
import { expectNothingLeft, tempHome } from '../support/home.ts'
import { useOpenTelemetry } from '../support/otel.ts'
import { standIn, standInServer } from '../support/stand-in.ts'

const values = async (otel: ReturnType<typeof useOpenTelemetry>, name: string) =>
  (await otel.points(name)).map(({ attributes, value }) => [
    attributes['opencode_runtime.outcome'] ?? attributes['opencode_runtime.reason'],
    value,
  ])

describe('OpenTelemetry', () => {
  it('records a server, its restart and its turns, in the context of their callers', async () => {
    const otel = useOpenTelemetry()
    const { server } = standInServer('crash-mid-turn', { env: { STANDIN_TIMES: '1' } })
    const request = trace.getTracer('test').startSpan('request')
    await context.with(trace.setSpan(context.active(), request), async () => {
      await Promise.resolve()
      await server.turn('the-prompt').done
      await server.turn('the-prompt').done
    })
    await server.close()
    expect(await values(otel, 'opencode_runtime.server.starts')).toEqual([['healthy', 2]])
    expect(await values(otel, 'opencode_runtime.server.restarts')).toEqual([['exited', 1]])
    expect(await values(otel, 'opencode_runtime.turns')).toEqual([
      ['server_died', 1],
      ['final', 1],
    ])
    const [healthy] = await otel.points('opencode_runtime.server.time_to_healthy')
    expect(healthy?.count).toBe(2)
    expect(healthy?.value).toBeGreaterThan(0)
    expect((await otel.points('opencode_runtime.probe.duration'))[0]?.value).toBeGreaterThan(0)
    expect((await otel.points('opencode_runtime.turn.active')).map(({ value }) => value)).toEqual([0, 0])
    for (const span of otel.spans('invoke_agent'))
      expect(span.parentSpanContext?.spanId).toBe(request.spanContext().spanId)
    // The list includes a start for a turn, and the restart, which belongs to no request.
    for (const span of otel.spans('opencode_runtime.server.start'))
      expect(span.parentSpanContext).toBeUndefined()
    const text = await otel.text()
    for (const secret of ['sk-stand-in-key', 'the-prompt', 'Hello']) expect(text.includes(secret)).toBe(false)
  })

  it('and the logger record a machine that a host embeds', async () => {
    const otel = useOpenTelemetry()
    const home = tempHome()
    const lines: string[] = []
    const write = (_fields: object, message: string) => void lines.push(message)
    const logger: Logger = { debug: write, info: write, warn: write, error: write }
    const options = compileOptions({
      home,
      logger,
      binary: standIn('well-behaved'),
      proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-stand-in-key' },
      models: ['gpt-4o'],
    })
    const app = setup({
      types: { children: {} as { opencode: 'serverMachine' } },
      actors: { serverMachine },
    }).createMachine({ invoke: { id: 'opencode', src: 'serverMachine', input: () => options } })
    const actor = createActor(app).start()
    const { opencode } = actor.getSnapshot().children
    if (!opencode) throw new Error('There is no child')
    opencode.send({ type: 'server.start' })
    await waitFor(opencode, (snapshot) => snapshot.matches('healthy'))
    expect(await values(otel, 'opencode_runtime.server.starts')).toEqual([['healthy', 1]])
    await startTurn(opencode, 'Say hello').done
    expect(await values(otel, 'opencode_runtime.turns')).toEqual([['final', 1]])
    opencode.send({ type: 'server.stop' })
    await waitFor(opencode, (snapshot) => snapshot.matches('idle'))
    actor.stop()
    await expectNothingLeft(home)
    expect(lines.filter((line) => line === 'opencode server healthy')).toHaveLength(1)
    expect(lines).toContain('opencode turn final')
  })

  it('records turns on a server of another program, and no start', async () => {
    const proxy = { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-stand-in-key', providerId: 'mine' }
    const { server } = standInServer('well-behaved', { password: 'a-password', proxy })
    await server.ensureRunning()
    const otel = useOpenTelemetry()
    const connection = connect({
      baseURL: server.baseURL ?? '',
      password: 'a-password',
      modelId: 'gpt-4o',
      providerId: 'mine',
    })
    onTestFinished(() => connection.close())
    expect(await connection.turn('Say hello').done).toMatchObject({ kind: 'final' })
    expect(
      (await otel.points('opencode_runtime.turns')).map((p) => p.attributes['gen_ai.provider.name']),
    ).toEqual(['mine'])
    expect(otel.spans('invoke_agent')[0]?.attributes['gen_ai.conversation.id']).toMatch(/^ses/)
    expect(await otel.points('opencode_runtime.server.starts')).toEqual([])
    expect((await otel.text()).includes('a-password')).toBe(false)
  })
})

describe('the logger of a server', () => {
  it('gets the events of a server, also of a failed start, without the key', async () => {
    const lines: { level: string; fields: object; message: string }[] = []
    const at = (level: string) => (fields: object, message: string) =>
      void lines.push({ level, fields, message })
    const server = new OpenCodeServer({
      home: tempHome(),
      logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
      binary: standIn('exits-early'),
      maxRestarts: 1,
      backoffInitialMs: 1,
      proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-stand-in-key' },
      models: ['gpt-4o'],
    })
    onTestFinished(() => server.close())
    await server.turn('Say hello').done
    expect(lines[0]).toMatchObject({ level: 'info', message: 'opencode server idle' })
    expect(lines.filter(({ level }) => level === 'error')).toMatchObject([
      { message: 'opencode server failed', fields: { err: { name: 'RestartLimitError' } } },
    ])
    expect(lines.map(({ message }) => message)).toContain('opencode turn failed: server_unavailable')
    expect(JSON.stringify(lines)).not.toMatch(/sk-stand-in-key/)
  })
})
