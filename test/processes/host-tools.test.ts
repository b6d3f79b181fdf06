import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { firstValueFrom, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { OpenCodeServer, hostTool, type HostToolCall, type Turn } from '../../src/index.ts'
import { fakeOpenCode } from '../../src/testing/index.ts'
import { hostPluginFile } from '../../src/io/opencode/host-plugin.ts'
import { describeHostTools } from '../conformance/host-tools.ts'
import { fakeServer } from '../support/fake.ts'
import { expectNothingLeft, isListening } from '../support/home.ts'
import { messagesOf } from '../support/server-api.ts'
import { connectTo, endpointOf } from '../support/host-endpoint.ts'

const calling = (name: string, args: Record<string, unknown> = {}) => ({
  toolCalls: [{ name: `host_${name}`, args }],
})
const script = [
  { match: 'greet', reply: [calling('greet', { name: 'Ann' }), { text: 'done' }] },
  { match: 'hang', reply: [calling('hangs'), { text: 'done' }] },
]
const greet = (text: string) =>
  hostTool({
    description: text,
    input: z.object({ name: z.string() }),
    execute: ({ name }) => `${text} ${name}`,
  })
const hanging = (seen: HostToolCall[]) =>
  hostTool({
    description: 'Hangs.',
    input: z.object({}),
    execute: (_, call) => {
      seen.push(call)
      return new Promise(() => undefined)
    },
  })
const resultOf = async (turn: Turn) =>
  (await firstValueFrom(turn.replies$.pipe(toArray()))).find((reply) => reply.kind === 'tool_result')

describe('host tools on a fake opencode', () => {
  describeHostTools(async (rules, options) => {
    const home = mkdtempSync(join(tmpdir(), 'opencode-runtime-host-tools-'))
    const fake = await fakeOpenCode({}, { script: rules })
    const proxy = { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-fake-test-0123456789' }
    const server = new OpenCodeServer({ home, proxy, models: ['gpt-4o'], binary: fake.binary, ...options })
    const close = async (): Promise<void> => {
      await server.close()
      await fake.stop()
      await expectNothingLeft(home)
      rmSync(home, { recursive: true, force: true })
    }
    return { server, close }
  })
})

describe('the generated plugin', () => {
  it('is private, and is removed by a start without host tools', async () => {
    const { server, home } = await fakeServer({}, { script, hostTools: { greet: greet('Hello') } })
    await server.writeConfig()
    const file = hostPluginFile(home)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700)
    await server.ensureRunning()
    expect(readFileSync(file, 'utf8')).not.toContain(endpointOf(server).token)
    await server.reconfigure({ hostTools: {} })
    expect(existsSync(file)).toBe(false)
  })

  it('makes opencode install no package', async () => {
    const { server, home } = await fakeServer({}, { script, hostTools: { greet: greet('Hello') } })
    await server.ensureRunning()
    expect(existsSync(join(home, '.config/opencode/package-lock.json'))).toBe(true)
  })

  it('runs beside a project whose own plugin is refused', async () => {
    const { server, home } = await fakeServer({}, { script, hostTools: { greet: greet('Hello') } })
    const directory = join(home, 'project')
    mkdirSync(join(directory, '.opencode', 'plugin'), { recursive: true })
    writeFileSync(join(directory, '.opencode', 'plugin', 'theirs.js'), 'export const P = async () => ({})')
    expect(await server.turn({ text: 'greet', directory }).done).toMatchObject({
      code: 'rejected',
      error: expect.stringContaining("the project's own code") as string,
    })
    expect(await resultOf(server.turn('greet'))).toMatchObject({ result: 'Hello Ann' })
  })
})

describe('reconfigure({ hostTools })', () => {
  it('lets running calls finish with the old tools, and gives later turns the new ones', async () => {
    const seen: HostToolCall[] = []
    let finish: (text: string) => void = () => undefined
    const slow = hostTool({
      description: 'Waits.',
      input: z.object({}),
      execute: (_, call) => {
        seen.push(call)
        return new Promise<string>((resolve) => (finish = resolve))
      },
    })
    const { server } = await fakeServer({}, { script, hostTools: { greet: greet('Hello'), hangs: slow } })
    const turn = server.turn('hang')
    await expect.poll(() => seen.length).toBe(1)
    const changed = server.reconfigure({ hostTools: { greet: greet('Bonjour') } })
    const next = server.turn('greet')
    finish('late')
    expect(await resultOf(turn)).toMatchObject({ result: 'late', success: true })
    await changed
    expect(await resultOf(next)).toMatchObject({ result: 'Bonjour Ann' })
    expect(await resultOf(server.turn('hang'))).toMatchObject({ tool: 'invalid' })
  })
})

describe('the field tools of a turn', () => {
  it('is reported once to the logger for a name that neither opencode nor the host knows', async () => {
    const warnings: string[] = []
    const ignore = () => undefined
    const warn = (_: object, message: string) => void warnings.push(message)
    const logger = { debug: ignore, info: ignore, warn, error: ignore }
    const { server } = await fakeServer({}, { hostTools: { greet: greet('Hi') }, logger })
    const tools = { bash: false, greet: false, gret: false, bogus: true }
    for (let i = 0; i < 2; i++) expect((await server.turn({ text: 'hello', tools }).done).kind).toBe('final')
    expect(warnings).toEqual([expect.stringMatching(/named "gret".*did you mean greet\?/)])
  })
})

describe('a call of a host tool', () => {
  it.each([
    ...[3, 4, 5, 6, 7, 8, 9, 10].map((cutStreamAfterEvents) => ({ cutStreamAfterEvents })),
    { duplicateFrames: true },
    { reorderFrames: true },
  ])('runs once, whatever happens to the event stream: %j', async (faults) => {
    const seen: HostToolCall[] = []
    const once = hostTool({
      description: 'Greets.',
      input: z.object({ name: z.string() }),
      execute: ({ name }, call) => {
        seen.push(call)
        return `Hello ${name}`
      },
    })
    const { server } = await fakeServer(faults, { script, hostTools: { greet: once } })
    const turn = server.turn('greet')
    expect(await resultOf(turn)).toMatchObject({ result: 'Hello Ann', success: true })
    expect((await turn.done).kind).toBe('final')
    expect(seen).toHaveLength(1)
  })

  it('is aborted when the server dies in mid-call, and the turn ends with server_died', async () => {
    const seen: HostToolCall[] = []
    const { server } = await fakeServer({}, { script, hostTools: { hangs: hanging(seen) } })
    const turn = server.turn('hang')
    await expect.poll(() => seen.length).toBe(1)
    process.kill(server.pid ?? 0, 'SIGKILL')
    expect(await turn.done).toMatchObject({ kind: 'error', code: 'server_died' })
    expect(seen[0]?.signal.aborted).toBe(true)
  })

  it('is aborted by stop(), which closes the endpoint', async () => {
    const seen: HostToolCall[] = []
    const { server } = await fakeServer({}, { script, hostTools: { hangs: hanging(seen) } })
    const turn = server.turn('hang')
    await expect.poll(() => seen.length).toBe(1)
    const address = `http://127.0.0.1:${endpointOf(server).port}`
    expect(await isListening(address)).toBe(true)
    await server.stop()
    expect((await turn.done).kind).toBe('error')
    expect(seen[0]?.signal.aborted).toBe(true)
    expect(await isListening(address)).toBe(false)
  })

  it('is accepted once, while its part is running', async () => {
    const seen: HostToolCall[] = []
    const { server } = await fakeServer({}, { script, hostTools: { hangs: hanging(seen) } })
    const turn = server.turn('hang')
    await expect.poll(() => seen.length).toBe(1)
    const sessionID = await turn.sessionId
    const [message] = (await messagesOf(server, sessionID ?? '')).filter(
      ({ info }) => info.role === 'assistant',
    )
    const { send, lines } = connectTo(endpointOf(server))
    send({ id: 1, sessionID, messageID: message?.info.id, callID: seen[0]?.callId, tool: 'hangs', args: {} })
    await expect
      .poll(() => lines, { timeout: 20_000 })
      .toEqual([{ id: 1, error: expect.stringContaining('no running tool call') as string }])
    expect(seen).toHaveLength(1)
    expect(seen[0]?.signal.aborted).toBe(false)
    turn.cancel()
    await turn.done
  })
})
