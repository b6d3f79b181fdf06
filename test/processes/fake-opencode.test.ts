import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { filter, firstValueFrom } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  connect,
  ServerExitedError,
  StartTimeoutError,
  type OpenCodeEvent,
  type OpenCodeServer,
  type Turn,
} from '../../src/index.ts'
import { fakeOpenCode, type FakeFaults } from '../../src/testing/index.ts'
import { fakeServer } from '../support/fake.ts'
import { processesOf, tempHome } from '../support/home.ts'
import { collect } from '../support/real.ts'
import { expectWhole, joined } from '../support/replies.ts'
import { startStreamProxy } from '../support/stream-proxy.ts'

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )
const startFailure = (server: OpenCodeServer) => failure(server.ensureRunning({ deadlineMs: 20_000 }))
const quick = { startTimeoutMs: 1_500, maxRestarts: 0 }
const statesOf = (turn: Turn) => {
  const states: string[] = []
  turn.status$.subscribe(({ state }) => void states.push(state))
  return states
}
const reached = (server: OpenCodeServer, state: string, nth = 0) =>
  firstValueFrom(
    server.lifecycle$.pipe(
      filter((now) => now.state === state),
      filter((_, i) => i === nth),
    ),
  )
/** Returns the events of one turn from the event stream. */
async function eventsOf(faults: FakeFaults): Promise<OpenCodeEvent[]> {
  const { server } = await fakeServer(faults, { script })
  await server.ensureRunning()
  const events: OpenCodeEvent[] = []
  const onFrame = (event: OpenCodeEvent) => (events.push(event), 'pass' as const)
  const proxy = await startStreamProxy(server.baseURL ?? '', { onFrame })
  const connection = connect({ baseURL: proxy.baseURL, password: server.password ?? '', modelId: 'gpt-4o' })
  await connection.turn('count').done
  await expect
    .poll(() => events.at(-1))
    .toMatchObject({ type: expect.stringMatching(/^session\.(idle|error)$/) as string })
  await connection.close()
  await proxy.close()
  return events
}

const pieces = ['one ', 'two ', 'three ', 'four']
const script = [{ match: 'count', reply: { text: pieces, chunkDelayMs: 30 } }]

describe('a fake opencode', () => {
  it('answers a turn with output: by a script, by a keyword, or with a plain value of the schema', async () => {
    const rules = [{ match: 'by script', reply: { output: { n: 1 } } }]
    const { server } = await fakeServer({}, { script: rules })
    const output = z.object({
      n: z.number().min(7),
      kind: z.enum(['a', 'b']).optional(),
      list: z.array(z.string()).min(1),
    })
    const values = [
      server.turn({ text: 'by script', output: output.partial().extend({ n: z.number() }) }).output,
      server.turn({ text: 'output:{"n":8,"list":["x"]}', output }).output,
      server.turn({ text: 'say anything', output }).output,
    ]
    expect(await Promise.all(values)).toEqual([{ n: 1 }, { n: 8, list: ['x'] }, { n: 7, list: [''] }])
    const words = server.turn({ text: 'echo:just words', output, maxRetries: 0 })
    await expect(words.output).rejects.toMatchObject({ code: 'invalid_output' })
  })

  it('needs only node, and starts in a fraction of the time of the real opencode', async () => {
    await using fake = await fakeOpenCode()
    const times: number[] = []
    for (let i = 0; i < 3; i++) {
      const started = performance.now()
      const env = { PATH: process.env['PATH'], HOME: tempHome() }
      const child = spawn(fake.binary, ['serve', '--port', '0'], {
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
      expect(line).toMatch(/^opencode server listening on http:\/\/127\.0\.0\.1:\d+$/)
      times.push(performance.now() - started)
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    // The fake takes 60 to 120 ms on an idle core; the real opencode takes 1.8 s.
    expect(Math.min(...times)).toBeLessThan(900)
  })

  it('records its starts and requests', async () => {
    const { fake, server } = await fakeServer()
    expect([fake.starts, fake.requests]).toEqual([[], []])
    await server.turn('echo:hi').done
    expect(fake.starts).toMatchObject([
      { pid: server.pid, argv: ['serve', '--port', expect.any(String) as string, '--hostname', '127.0.0.1'] },
    ])
    const prompt = fake.requests.find(({ url }) => url.includes('/prompt_async'))
    expect(prompt).toMatchObject({ method: 'POST', authorized: true, pid: server.pid })
    expect(prompt?.body).toMatchObject({ parts: [{ type: 'text', text: 'echo:hi' }] })
    expect(JSON.stringify(fake.requests)).not.toContain(server.password)
  })

  it('stop ends its processes, and leaves nothing behind', async () => {
    const fake = await fakeOpenCode({ ignoreSigterm: true })
    const env = { PATH: process.env['PATH'], HOME: tempHome() }
    const child = spawn(fake.binary, ['serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    const ended = once(child, 'exit')
    await fake.stop()
    await fake.stop()
    expect(await ended).toEqual([0, null])
    expect(existsSync(dirname(fake.binary))).toBe(false)
    expect(fake.starts).toHaveLength(1)
  })

  it('rejects an unknown fault', async () => {
    const misspelt = { crashAfterMS: 1 } as FakeFaults
    await expect(fakeOpenCode([{}, misspelt])).rejects.toThrow(/crashAfterMS\. Known faults: .*crashAfterMs/)
  })

  it('stop ends the commands that it runs', async () => {
    const sleep = { name: 'bash', args: { command: 'exec sleep 300', description: 'x' } }
    const fake = await fakeOpenCode({}, { script: [{ match: 'sleep', reply: { toolCalls: [sleep] } }] })
    const home = tempHome()
    const env = { PATH: process.env['PATH'], HOME: home }
    const child = spawn(fake.binary, ['serve'], { env, cwd: home, stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    const post = async (path: string, body: unknown) =>
      fetch(new URL(path, line.split(' ').at(-1)), { method: 'POST', body: JSON.stringify(body) })
    const { id } = (await (await post('/session', {})).json()) as { id: string }
    await post(`/session/${id}/prompt_async`, { parts: [{ type: 'text', text: 'sleep' }] })
    await expect.poll(() => processesOf(home).length).toBe(2)
    await fake.stop()
    await expect.poll(() => processesOf(home)).toEqual([])
  })

  it('keeps the sessions of a home across restarts, and restarts its script', async () => {
    const { server, home } = await fakeServer(
      {},
      { script: [{ match: 'first', reply: { text: 'once' }, times: 1 }] },
    )
    const session = server.session()
    expect(await session.turn('first').done).toMatchObject({ content: 'once' })
    await server.stop()
    expect(await session.turn('first').done).toMatchObject({ content: 'once' })
    expect(readdirSync(join(home, '.local', 'share', 'opencode', 'storage', 'fake'))).toHaveLength(1)
  })

  it.each([
    ['think:so echo:yes', ['reasoning', 'delta', 'final']],
    ['tool', ['tool_call', 'tool_result', 'delta', 'delta', 'final']],
    ['permission', ['tool_call', 'tool_result', 'delta', 'delta', 'final']],
    ['question', ['tool_call', 'tool_result', 'final']],
    ['stream:2 fail:401', ['delta', 'delta', 'error']],
    ['retry:9', ['error']],
  ])('plays a prompt by its keywords: %s', async (text, kinds) => {
    const { server } = await fakeServer()
    const replies = await collect(server.turn({ text, maxRetries: 2 }))
    expect(replies.map(({ kind }) => kind)).toEqual(kinds)
  })
})

describe('held starts', () => {
  it('wait until they are released, and keep their pid', async () => {
    const { fake, server } = await fakeServer()
    fake.hold()
    const started = server.ensureRunning()
    await expect.poll(() => fake.starts, { timeout: 10_000 }).toHaveLength(1)
    expect(await server.ensureRunning({ deadlineMs: 300 }).catch((error: unknown) => error)).toBeInstanceOf(
      StartTimeoutError,
    )
    fake.release()
    await started
    expect(fake.starts).toMatchObject([{ pid: server.pid }])
  })

  it('are ended by stop like all other starts', async () => {
    const { fake, server, states } = await fakeServer()
    fake.hold()
    server.actor.send({ type: 'server.start' })
    await expect.poll(() => fake.starts, { timeout: 10_000 }).toHaveLength(1)
    await server.stop()
    expect(states).toEqual(['idle', 'configuring', 'spawning', 'probing', 'reaping', 'idle'])
    await fake.stop()
    fake.hold()
    fake.release()
  })
})

describe('a fault of the start', () => {
  it('startDelayMs: turns wait', async () => {
    const { server } = await fakeServer({ startDelayMs: 600 })
    const turn = server.turn('echo:x')
    const states = statesOf(turn)
    expect((await turn.done).kind).toBe('final')
    expect(states).toContain('waitingForServer')
  })

  it('exitOnStart: the start fails immediately, with the last output', async () => {
    const { server } = await fakeServer({ exitOnStart: { code: 3, stderr: 'no disk\n' } }, { maxRestarts: 0 })
    const error = await startFailure(server)
    expect(error).toBeInstanceOf(ServerExitedError)
    expect(error).toMatchObject({ exitCode: 3, logTail: expect.stringContaining('no disk') as string })
  })

  it.each([true, 'portOpen'] as const)(
    'neverListens %s: no request is sent, and the start fails after startTimeoutMs',
    async (how) => {
      const { server, fake } = await fakeServer({ neverListens: how }, quick)
      expect(await startFailure(server)).toBeInstanceOf(StartTimeoutError)
      expect(fake.requests).toEqual([])
    },
  )

  it.each([
    { neverHealthy: true },
    { neverHealthy: 'unhealthy' },
    { neverHealthy: 'html' },
    { configBroken: true },
  ] as const)('%o: the start fails in time', async (faults) => {
    const { server, fake } = await fakeServer(faults, quick)
    expect(await startFailure(server)).toBeInstanceOf(StartTimeoutError)
    expect(fake.requests.length).toBeGreaterThan(0)
  })

  it('loseFirstRequest: health is requested again on another connection', async () => {
    const { server, fake } = await fakeServer(
      { loseFirstRequest: 2, announceDelayMs: 100 },
      { probeTimeoutMs: 200 },
    )
    await server.ensureRunning()
    expect(fake.requests.filter(({ url }) => url === '/global/health').length).toBeGreaterThanOrEqual(3)
  })

  it('of the first start does not affect the second start', async () => {
    const { server, fake, states } = await fakeServer([{ exitOnStart: { code: 1 } }, {}])
    await server.ensureRunning()
    expect(fake.starts).toHaveLength(2)
    expect(states).toContain('reaping')
  })

  it('version: health and --version report it', async () => {
    await using fake = await fakeOpenCode({ version: '9.8.7' })
    const child = spawn(fake.binary, ['--version'], { stdio: ['ignore', 'pipe', 'inherit'] })
    expect(await once(createInterface(child.stdout), 'line')).toEqual(['9.8.7'])
    expect(fake.starts).toEqual([])
  })
})

describe('a fault of the process', () => {
  it('crashAfterMs: the server restarts', async () => {
    const { server, fake } = await fakeServer([{ crashAfterMs: 200, crashWith: 5 }, {}])
    await server.ensureRunning()
    await reached(server, 'healthy', 1)
    expect(fake.starts).toHaveLength(2)
    expect(server.isRunning()).toBe(true)
  })

  it.each([1, 'SIGKILL'] as const)(
    'crashAfterEvents, with %s: the turn ends with the text so far',
    async (crashWith) => {
      const { server, fake } = await fakeServer([{ crashAfterEvents: 10, crashWith }, {}], { script })
      const session = server.session()
      const replies = await collect(session.turn('count'))
      expect(replies.at(-1)).toMatchObject({ kind: 'error', code: 'server_died', partial: 'one two ' })
      expect(joined(replies)).toBe('one two ')
      expectWhole(await collect(session.turn('count')), pieces.join(''))
      expect(fake.starts).toHaveLength(2)
    },
  )

  it.each([
    [true, 200],
    [2, 60_000],
  ])('ignoreSigterm %s: the process is still ended', async (ignoreSigterm, stopGraceMs) => {
    const { server } = await fakeServer({ ignoreSigterm }, { stopGraceMs })
    await server.ensureRunning()
    await server.stop()
    expect(server.isRunning()).toBe(false)
  })

  it('outputFlood: the start succeeds, and the size of the log is limited', async () => {
    const { server, home } = await fakeServer({ outputFlood: 8 })
    expect((await server.turn('echo:x').done).kind).toBe('final')
    expect(statSync(join(home, '.config', 'opencode', 'serve.log')).size).toBeLessThan(2 * 1024 * 1024)
  })

  const watched = { healthIntervalMs: 50, probeTimeoutMs: 100, unhealthyThreshold: 2, stopGraceMs: 500 }

  it('wedgeAfterMs: the server is reaped and restarts', async () => {
    const { server, fake } = await fakeServer([{ wedgeAfterMs: 200 }, {}], watched)
    await server.ensureRunning()
    await reached(server, 'healthy', 1)
    expect(fake.starts).toHaveLength(2)
  })

  it('wedgeForMs: a turn that outlasts it gets all events', async () => {
    const { server, fake } = await fakeServer({ wedgeAfterMs: 300, wedgeForMs: 600 }, { script, ...watched })
    await server.ensureRunning()
    const replies = await collect(server.turn('slow:900 echo:after'))
    expectWhole(replies, 'after')
    expect(fake.starts).toHaveLength(1)
  })

  it('wedgeHealthOnly: a turn with progress keeps the server alive', async () => {
    const { server, fake } = await fakeServer(
      { wedgeAfterMs: 100, wedgeHealthOnly: true },
      { ...watched, busyGraceMs: 5_000 },
    )
    expectWhole(await collect(server.turn('every:50 stream:20')), 'x '.repeat(20))
    expect(fake.starts).toHaveLength(1)
  })
})

describe('a fault of the event stream', () => {
  it('cutStreamAfterEvents: the turn resyncs and loses no text', async () => {
    const { server } = await fakeServer({ cutStreamAfterEvents: 10 }, { script })
    const turn = server.turn('count')
    const states = statesOf(turn)
    expectWhole(await collect(turn), pieces.join(''))
    expect(states).toContain('resyncing')
  })

  it('duplicateFrames: every event comes twice, and no reply is repeated', async () => {
    const ids = (await eventsOf({ duplicateFrames: true })).map(({ id }) => id)
    expect(ids.length).toBe(2 * new Set(ids).size)
    const { server } = await fakeServer({ duplicateFrames: true }, { script })
    expectWhole(await collect(server.turn('count')), pieces.join(''))
    expect((await collect(server.turn('tool echo:x'))).map(({ kind }) => kind)).toEqual([
      'tool_call',
      'tool_result',
      'delta',
      'final',
    ])
  })

  it('reorderFrames: events are swapped, and consecutive turns are complete', async () => {
    const ids = (await eventsOf({ reorderFrames: true })).map(({ id = '' }) => id)
    const late = ids.filter((id, i) => id < (ids[i - 1] ?? ''))
    expect(late.length).toBeGreaterThan(1)
    const { server } = await fakeServer({ reorderFrames: true }, { script })
    const session = server.session()
    for (let i = 0; i < 3; i++) expectWhole(await collect(session.turn('count')), pieces.join(''))
    expectWhole(await collect(session.turn('tool echo:x')), 'x')
  })

  it.each([{ trailingError: true }, { busyAfterIdle: true }, { trailingError: true, busyAfterIdle: true }])(
    '%o: the next turn of the session is not affected',
    async (faults) => {
      const { server } = await fakeServer(faults, { script })
      const session = server.session()
      const turns = [1, 2, 3].map(() => session.turn('count'))
      for (const turn of turns) expectWhole(await collect(turn), pieces.join(''))
    },
  )

  it('trailingError, busyAfterIdle: the events come after the end', async () => {
    const end = ({ type, properties }: OpenCodeEvent) =>
      type === 'session.status' ? (properties['status'] as { type: string }).type : type
    const trailing = await eventsOf({ trailingError: true })
    expect(trailing.slice(-3).map(end)).toEqual(['idle', 'session.idle', 'session.error'])
    const busy = await eventsOf({ busyAfterIdle: true })
    expect(busy.slice(-5).map(end)).toEqual(['idle', 'session.idle', 'busy', 'idle', 'session.idle'])
  })

  it('errorWithoutIdle: the turn still ends', async () => {
    const { server } = await fakeServer({ errorWithoutIdle: 'Agent not found: "nobody".' })
    expect(await server.turn('count').done).toMatchObject({ kind: 'error', code: 'rejected' })
  })

  it('heartbeatMs: heartbeats do not count as progress', async () => {
    const { server } = await fakeServer({ heartbeatMs: 20 })
    expect(await server.turn({ text: 'hang', stallMs: 300 }).done).toMatchObject({ code: 'stalled' })
  })

  it('deafStreamMs: no event is lost', async () => {
    const { server } = await fakeServer({ deafStreamMs: 500 }, { script })
    expectWhole(await collect(server.turn('count')), pieces.join(''))
  })
})

describe('the executable', () => {
  it('imports only Node’s own modules', () => {
    const folder = new URL('../../src/testing/fake-opencode/', import.meta.url)
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.mjs')))
      for (const [, from] of readFileSync(new URL(name, folder), 'utf8').matchAll(/^import .*from '(.*)'/gm))
        expect(from).toMatch(/^(node:|\.\/[\w-]+\.mjs$)/)
  })
})
