import { firstValueFrom, toArray } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { hostTool, type HostToolCall, type OpenCodeServer, type Turn } from '../../src/index.ts'
import { tokenVariable } from '../../src/io/opencode/host-plugin-text.ts'
import type { ModelRequest, ScriptedModel } from '../../src/testing/index.ts'
import { describeHostTools, pixel } from '../conformance/host-tools.ts'
import { endpointOf } from '../support/host-endpoint.ts'
import { realServer } from '../support/real.ts'
import { ask } from '../support/server-api.ts'

const calling = (name: string, args: Record<string, unknown> = {}) => ({ toolCalls: [{ name, args }] })
const task = (prompt: string) => calling('task', { description: prompt, prompt, subagent_type: 'general' })
const bash = (command: string) => calling('bash', { command, description: command })
const done = { text: 'done' }
const resultsOf = async (turn: Turn) =>
  (await firstValueFrom(turn.replies$.pipe(toArray()))).flatMap((reply) =>
    reply.kind === 'tool_result' ? [reply] : [],
  )
const offered = ({ tools }: ModelRequest): string[] => tools.map((tool) => tool.function.name)

describe('host tools on the real opencode', () => {
  describeHostTools((script, options) => realServer(script, options))
})

describe('a host tool of the real opencode', () => {
  const seen: HostToolCall[] = []
  let server: OpenCodeServer
  let model: ScriptedModel
  let close: () => Promise<void>

  const requestsOf = (text: string) => model.requests.filter((request) => request.text === text)

  beforeAll(async () => {
    const note = (_: unknown, call: HostToolCall): unknown => {
      seen.push(call)
      return 'seen'
    }
    ;({ server, model, close } = await realServer(
      [
        {
          match: 'forge',
          reply: (request) => {
            const [, command] = /forge (.*)/s.exec(request.text) ?? []
            return request.messages.at(-1)?.role === 'tool' ? done : bash(command ?? '')
          },
        },
        { match: 'look', reply: [calling('host_look', { id: '7' }), done] },
        { match: 'delegate hidden', reply: [task('CHILD runs and looks'), done] },
        { match: 'delegate', reply: [task('CHILD looks'), done] },
        { match: 'CHILD looks', reply: [calling('host_look', { id: '7' }), done] },
        { match: 'CHILD runs and looks', reply: [bash('echo hi'), calling('host_look', { id: '7' }), done] },
        { match: 'greet', reply: [calling('host_greet', { name: 'Ann' }), done] },
        { match: 'type it', reply: calling('StructuredOutput', { n: 1 }) },
        { match: 'draw', reply: [calling('host_draw'), done] },
        { match: 'hang', reply: [calling('host_hang'), done] },
        { match: 'show the environment', reply: [bash('env'), done] },
        { match: 'answer', reply: done },
      ],
      {
        models: [{ id: 'gpt-4o', input: ['text', 'image'] }],
        hostTools: {
          look: hostTool({
            description: 'Looks at an order.',
            input: z.object({ id: z.string().describe('Number'), note: z.string().optional() }),
            execute: note,
          }),
          draw: hostTool({
            description: 'Draws.',
            input: z.object({}),
            execute: () => ({ content: [{ type: 'image', data: pixel, mimeType: 'image/png' }] }),
          }),
          hang: hostTool({
            description: 'Hangs.',
            input: z.object({}),
            execute: (_, call) => {
              seen.push(call)
              return new Promise(() => undefined)
            },
          }),
        },
        maxRestarts: 10,
        backoffInitialMs: 10,
      },
    ))
    await server.ensureRunning()
  })

  afterAll(() => close())

  it('is offered to the model with its schema, and its result arrives at the model', async () => {
    expect((await server.turn('look').done).kind).toBe('final')
    const [first, second] = requestsOf('look')
    expect(first?.tools.find((tool) => tool.function.name === 'host_look')?.function).toEqual({
      name: 'host_look',
      description: 'Looks at an order.',
      parameters: expect.objectContaining({
        type: 'object',
        properties: { id: { type: 'string', description: 'Number' }, note: { type: 'string' } },
        required: ['id'],
      }) as unknown,
    })
    expect(second?.messages.at(-1)).toMatchObject({ role: 'tool', content: 'seen' })
  })

  it('brings an image to the model', async () => {
    expect((await server.turn('draw').done).kind).toBe('final')
    expect(JSON.stringify(requestsOf('draw').at(-1)?.messages)).toContain(pixel)
  })

  it('is hidden with all tools, except the tool of a typed answer', async () => {
    const output = z.object({ n: z.number() })
    const turn = server.turn({ text: 'type it', output, tools: { '*': false } })
    expect(await turn.output).toEqual({ n: 1 })
    expect(requestsOf('type it').flatMap(offered)).toEqual(['StructuredOutput'])
    await server.turn({ text: 'answer 0', tools: { '*': false } }).done
    expect(requestsOf('answer 0').flatMap(offered)).toEqual([])
  })

  it('is hidden from the turn, and offered again to the next one', async () => {
    const session = server.session()
    await session.turn({ text: 'answer 1', tools: { look: false, bash: false, write: false } }).done
    await session.turn('answer 2').done
    const [hidden = [], again = []] = ['answer 1', 'answer 2'].map((text) =>
      requestsOf(text).flatMap(offered),
    )
    for (const name of ['host_look', 'bash', 'write']) {
      expect(hidden).not.toContain(name)
      expect(again).toContain(name)
    }
    expect(hidden).toContain('host_hang')
    const { permission } = await ask<{ permission: unknown }>(server, `/session/${await session.id}`)
    expect(permission).toEqual([{ permission: 'opencode_runtime_hidden', pattern: '*', action: 'deny' }])
  })

  it('leaves the rules of a session alone that hid nothing', async () => {
    const session = server.session()
    await session.turn('answer 3').done
    const { permission } = await ask<{ permission?: unknown }>(server, `/session/${await session.id}`)
    expect(permission).toBeUndefined()
  })

  it('counts as a call of the turn if a subagent calls it', async () => {
    seen.length = 0
    const context = { userId: 'u7' }
    const turn = server.turn({ text: 'delegate', context })
    expect((await turn.done).kind).toBe('final')
    expect(seen).toHaveLength(1)
    expect(seen[0]).toMatchObject({ turnId: turn.id, sessionId: await turn.sessionId })
    expect(seen[0]?.context).toBe(context)
  })

  it('cannot be called by a subagent of a turn that hides it', async () => {
    seen.length = 0
    await server.turn({ text: 'delegate hidden', tools: { look: false } }).done
    expect(seen).toEqual([])
  })

  it('cannot be called by the shell, which does not inherit the token, and is refused with it', async () => {
    seen.length = 0
    const environment = JSON.stringify(await resultsOf(server.turn('show the environment')))
    const { port, token } = endpointOf(server)
    expect(token).not.toBe('')
    expect(environment).toContain('XDG_CONFIG_HOME')
    expect(environment).not.toContain(token)
    expect(environment).not.toContain(tokenVariable)
    const turn = server.turn('answer 4')
    await turn.done
    const sessionID = await turn.sessionId
    const line = JSON.stringify({
      id: 1,
      sessionID,
      messageID: 'msg_1',
      callID: 'call_1',
      tool: 'look',
      args: {},
    })
    const connection = `exec 3<>/dev/tcp/127.0.0.1/${port}; echo '${token}' >&3; echo '${line}' >&3; head -n1 <&3`
    const forged = `bash -c ${JSON.stringify(connection).replaceAll('\\"', '\\"')}`
    const [result] = await resultsOf(server.turn(`forge ${forged}`))
    expect(result?.result).toContain('no running tool call')
    expect(seen).toEqual([])
  })

  it('is aborted when the server dies in mid-call, and works on the next server', async () => {
    seen.length = 0
    const turn = server.turn('hang')
    await expect.poll(() => seen.length, { timeout: 20_000 }).toBe(1)
    process.kill(server.pid ?? 0, 'SIGKILL')
    expect(await turn.done).toMatchObject({ kind: 'error', code: 'server_died' })
    expect(seen[0]?.signal.aborted).toBe(true)
    expect((await resultsOf(server.turn('look')))[0]).toMatchObject({ tool: 'look', result: 'seen' })
  })

  it('is replaced by reconfigure(), and the model sees the new tools only', async () => {
    const greet = hostTool({
      ...{ description: 'Greets.', input: z.object({ name: z.string() }) },
      execute: ({ name }) => `Hello ${name}`,
    })
    await server.reconfigure({ hostTools: { greet } })
    const [result] = await resultsOf(server.turn('greet'))
    expect(result).toMatchObject({ tool: 'greet', result: 'Hello Ann', success: true })
    expect(
      requestsOf('greet')
        .flatMap(offered)
        .filter((name) => name.startsWith('host_')),
    ).toEqual(['host_greet', 'host_greet'])
    expect((await resultsOf(server.turn('look')))[0]).toMatchObject({ tool: 'invalid' })
  })
})
