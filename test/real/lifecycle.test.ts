import { filter, firstValueFrom } from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createActor, setup, waitFor } from 'xstate'
import { compileOptions, serverMachine, startTurn, type ServerActorRef } from '../../src/index.ts'
import { processesOf } from '../support/home.ts'
import { apiKey, collect, realServer } from '../support/real.ts'

const sleepTool = { toolCalls: [{ name: 'bash', args: { command: 'sleep 300', description: 'sleep' } }] }
const script = [
  { match: 'sleep', reply: sleepTool },
  { match: 'trickle', reply: { text: Array.from({ length: 400 }, (_, i) => `${i} `), chunkDelayMs: 50 } },
  { match: 'Say hello', reply: { text: ['Hello', ' world'] } },
]

describe('the real server', () => {
  it('ends the turn with server_died when killed, and continues the session on a new process', async () => {
    const { server, close } = await realServer(script)
    onTestFinished(close)
    const session = server.session()
    const turn = session.turn('trickle')
    await firstValueFrom(turn.replies$)
    const { pid = 0 } = server
    process.kill(pid, 'SIGKILL')
    const replies = await collect(turn)
    expect(replies.at(-1)).toMatchObject({
      kind: 'error',
      code: 'server_died',
      retryable: true,
      partial: expect.stringMatching(/^0 /) as string,
    })
    expect(replies.filter(({ kind }) => kind === 'error')).toHaveLength(1)
    expect(await session.turn('Say hello').done).toMatchObject({ kind: 'final', content: 'Hello world' })
    expect(server.pid).not.toBe(pid)
    expect(server.actor.getSnapshot().context.restarts).toBe(1)
  })

  it('leaves no process when stopped while a bash tool sleeps', async () => {
    const { server, home, close } = await realServer(script)
    onTestFinished(close)
    const turn = server.turn('sleep')
    await firstValueFrom(turn.replies$.pipe(filter(({ kind }) => kind === 'tool_call')))
    await expect.poll(() => processesOf(home).length, { timeout: 20_000 }).toBeGreaterThan(1)
    await server.stop()
    expect(await turn.done).toMatchObject({ kind: 'error', code: 'cancelled' })
    expect(processesOf(home)).toEqual([])
  })

  it('ends immediately, with its tools, when a machine that embeds it leaves its state; its turns are cancelled', async () => {
    const { server, home, close } = await realServer(script)
    onTestFinished(close)
    const { values } = server.actor.getSnapshot().context.options
    const parent = setup({ actors: { serverMachine } }).createMachine({
      initial: 'working',
      states: {
        working: {
          invoke: {
            id: 'opencode',
            src: 'serverMachine',
            input: () =>
              compileOptions({
                home,
                models: ['gpt-4o'],
                proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey },
                ...(values.binary !== undefined && { binary: values.binary }),
              }),
          },
          on: { leave: 'away' },
        },
        away: {},
      },
    })
    const actor = createActor(parent).start()
    const child = actor.getSnapshot().children.opencode as ServerActorRef
    child.send({ type: 'server.start' })
    await waitFor(child, (snapshot) => snapshot.matches('healthy'), { timeout: 60_000 })
    const turn = startTurn(child, 'hang on')
    await firstValueFrom(turn.status$.pipe(filter(({ state }) => state === 'running')))
    actor.send({ type: 'leave' })
    expect(await turn.done).toMatchObject({ kind: 'error', code: 'cancelled' })
    await expect.poll(() => processesOf(home), { timeout: 10_000 }).toEqual([])
    actor.stop()
  })
})
