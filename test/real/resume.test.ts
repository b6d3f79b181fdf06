import { filter, firstValueFrom, take } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OpenCodeServer, Turn } from '../../src/index.ts'
import type { ModelRequest, ScriptedModel } from '../../src/testing/index.ts'
import { collect, kinds, realServer } from '../support/real.ts'
import { expectWellFormed, joined } from '../support/replies.ts'
import { messagesOf } from '../support/server-api.ts'

const bash = (command: string) => ({
  toolCalls: [{ name: 'bash', args: { command, description: command } }],
})
const slowly = (word: string) => ({
  text: Array.from({ length: 200 }, (_, i) => `${word}${i} `),
  chunkDelayMs: 50,
})

let server: OpenCodeServer
let model: ScriptedModel
let close: () => Promise<void>

beforeAll(async () => {
  ;({ server, model, close } = await realServer(
    [
      { match: 'tell a story', reply: slowly('once'), times: 1 },
      { match: 'tell a story', reply: { text: ['told ', 'twice'], usage: { inputTokens: 100 } } },
      { match: 'think first', reply: { reasoning: slowly('hm').text, chunkDelayMs: 50 }, times: 1 },
      { match: 'think first', reply: { reasoning: 'aha', text: 'thought' } },
      { match: 'run, then tell', reply: [bash('printf ran'), slowly('after')] },
      { match: 'never mind', reply: slowly('never') },
      { match: 'Say hello', reply: { text: ['Hello', ' world'] } },
    ],
    { maxRestarts: 10, backoffInitialMs: 10 },
  ))
  await server.ensureRunning()
})

afterAll(() => close())

/** Kills the server when a turn has given a number of replies of a kind. */
async function killAfter(turn: Turn, kind: string, count: number): Promise<void> {
  await firstValueFrom(
    turn.replies$.pipe(
      filter((reply) => reply.kind === kind),
      filter((_, i) => i + 1 === count),
      take(1),
    ),
  )
  process.kill(server.pid ?? 0, 'SIGKILL')
}

const statesOf = (turn: Turn): string[] => {
  const seen: string[] = []
  turn.status$.subscribe(({ state }) => seen.push(state))
  return seen
}

const said = ({ messages }: ModelRequest, role: string): string[] =>
  messages.filter((message) => message.role === role).map(({ content }) => JSON.stringify(content))

describe('a turn whose server is killed', () => {
  it('with resume is prompted again on the next server: one reply, its prompt once in the history', async () => {
    const session = server.session()
    await session.turn('Say hello').done
    const turn = session.turn({ text: 'tell a story', resume: true })
    const states = statesOf(turn)
    const { pid } = server
    await killAfter(turn, 'delta', 3)
    const replies = await collect(turn)
    expectWellFormed(replies)
    expect(replies.at(-1)).toMatchObject({
      kind: 'final',
      content: 'told twice',
      usage: { input_tokens: 100 },
    })
    expect(joined(replies)).toMatch(/^once0 once1 once2 .*told twice$/)
    expect(server.pid).not.toBe(pid)
    expect(states).toEqual(
      expect.arrayContaining(['running', 'retrying', 'waitingForServer', 'running', 'done']),
    )
    expect(states.indexOf('waitingForServer')).toBeGreaterThan(states.indexOf('retrying'))
    expect(await turn.sessionId).toBe(await session.id)

    const last = model.requests.findLast(({ text }) => text === 'tell a story')
    expect(last && said(last, 'user')).toEqual(['"Say hello"', '"tell a story"'])
    expect(last && said(last, 'assistant')).toEqual(['"Hello world"'])
    const stored = await messagesOf(server, await session.id)
    expect(stored.map(({ info }) => info.role)).toEqual(['user', 'assistant', 'user', 'assistant'])

    const next = await session.turn('Say hello').done
    expect(next).toMatchObject({ kind: 'final', content: 'Hello world' })
    const after = model.requests.at(-1)
    expect(after && said(after, 'user')).toEqual(['"Say hello"', '"tell a story"', '"Say hello"'])
    expect(after && said(after, 'assistant')).toEqual(['"Hello world"', '"told twice"'])
  })

  it('with resume is prompted again after reasoning', async () => {
    const turn = server.turn({ text: 'think first', resume: true })
    await killAfter(turn, 'reasoning', 3)
    const replies = await collect(turn)
    expectWellFormed(replies)
    expect(replies.at(-1)).toMatchObject({ kind: 'final', content: 'thought' })
    expect(joined(replies, 'reasoning')).toMatch(/^hm0 hm1 hm2 .*aha$/)
  })

  it('with resume ends if a tool had run', async () => {
    const turn = server.turn({ text: 'run, then tell', resume: true })
    await killAfter(turn, 'delta', 2)
    const replies = await collect(turn)
    expectWellFormed(replies)
    expect(kinds(replies).slice(0, 3)).toEqual(['tool_call', 'tool_result', 'delta'])
    expect(replies.at(-1)).toMatchObject({
      code: 'server_died',
      retryable: true,
      partial: expect.stringMatching(/^after0 after1 /) as string,
    })
  })

  it('without resume ends, while a waiting turn continues', async () => {
    const session = server.session()
    const turn = session.turn('never mind')
    const waiting = session.turn('Say hello')
    await killAfter(turn, 'delta', 1)
    expect(await turn.done).toMatchObject({ code: 'server_died', retryable: true })
    expect(await waiting.done).toMatchObject({ kind: 'final', content: 'Hello world' })
    expect(await waiting.sessionId).toBe(await turn.sessionId)
  })

  it('with resume can be cancelled while it waits for the next server', async () => {
    const turn = server.turn({ text: 'never mind', resume: true })
    const waits = firstValueFrom(turn.status$.pipe(filter(({ state }) => state === 'retrying')))
    await killAfter(turn, 'delta', 1)
    await waits
    turn.cancel()
    const replies = await collect(turn)
    expectWellFormed(replies)
    expect(replies.at(-1)).toMatchObject({ kind: 'error', code: 'cancelled' })
    expect(await server.turn('Say hello').done).toMatchObject({ kind: 'final' })
  })
})
