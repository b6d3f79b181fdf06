import { filter, firstValueFrom, toArray } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { hostTool, type HostToolCall, type OpenCodeServer, type Reply, type Turn } from '../../src/index.ts'
import type { OpenCodeServerOptions } from '../../src/index.ts'
import type { FakeRule } from '../../src/testing/index.ts'
import { messagesOf, untilAnswered } from '../support/server-api.ts'

const call = (name: string, args: Record<string, unknown> = {}, id?: string) => ({
  name: `host_${name}`,
  args,
  ...(id !== undefined && { id }),
})
const calls = (...toolCalls: ReturnType<typeof call>[]) => ({ toolCalls })
const done = { text: 'done' }
const equal = Array.from({ length: 5 }, (_, i) => call('whose', { id: '7' }, `call_${i}`))

/** Script of the model, for the real opencode and for the fake. */
export const hostScript: readonly FakeRule[] = [
  { match: 'look up', reply: [calls(call('lookup_order', { id: '7' })), done] },
  { match: 'look wrong', reply: [calls(call('lookup_order', { id: 7 })), done] },
  { match: 'look plainly', reply: [calls(call('plain', { count: 'x' })), done] },
  { match: 'throw it', reply: [calls(call('throws')), done] },
  { match: 'hang on', reply: [calls(call('hangs')), done] },
  { match: 'be quick', reply: [calls(call('slow')), done] },
  { match: 'answer much', reply: [calls(call('large')), done] },
  { match: 'draw it', reply: [calls(call('draws')), done] },
  { match: 'pay always', reply: [calls(call('remember')), done] },
  { match: 'pay it', reply: [calls(call('refund', { id: '7' })), done] },
  {
    match: 'tell me twice',
    reply: [
      calls(call('lookup_order', { id: '1' }, 'call_0')),
      calls(call('lookup_order', { id: '2' }, 'call_0')),
      done,
    ],
  },
  {
    match: 'whose is it',
    reply: [calls(...equal), calls(...equal), calls(...equal), calls(...equal), calls(...equal), done],
  },
  {
    match: 'run a command',
    reply: [{ toolCalls: [{ name: 'bash', args: { command: 'echo hi', description: 'x' } }] }, done],
  },
]

const secret = 'sk-host-tools-0123456789'
const empty = z.object({})
/** A picture of one pixel. */
export const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

/** Returns a function that lets callers with the same key go on when a number of them has come. */
function barrier(size: number): (key: string) => Promise<void> {
  const waiting = new Map<string, (() => void)[]>()
  return (key) =>
    new Promise((go) => {
      const all = [...(waiting.get(key) ?? []), go]
      waiting.set(key, all.length < size ? all : [])
      if (all.length >= size) for (const each of all) each()
    })
}

/** Returns the host tools of the suite; `seen` gets each call. The tool `whose` answers all users together. */
export function suiteTools(seen: HostToolCall[], users: number) {
  const together = barrier(users)
  const note =
    <T>(act: (input: T, toolCall: HostToolCall) => unknown) =>
    (input: T, toolCall: HostToolCall) => {
      seen.push(toolCall)
      return act(input, toolCall)
    }
  return {
    lookup_order: hostTool({
      description: 'Finds an order by its number.',
      input: z.object({ id: z.string() }),
      execute: note(({ id }, { progress }) => {
        progress(`order ${id}`)
        return { id, total: 20 }
      }),
    }),
    plain: hostTool({
      description: 'Has a plain JSON Schema.',
      input: { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'] },
      execute: note(() => 'never'),
    }),
    throws: hostTool({
      description: 'Throws.',
      input: empty,
      execute: note(() => {
        throw new Error(`The key ${secret} is wrong`)
      }),
    }),
    hangs: hostTool({
      description: 'Hangs.',
      input: empty,
      execute: note(() => new Promise(() => undefined)),
    }),
    slow: hostTool({
      ...{ description: 'Takes too long.', input: empty, timeoutMs: 300 },
      execute: note(() => new Promise(() => undefined)),
    }),
    large: hostTool({
      description: 'Answers 5 MB.',
      input: empty,
      execute: note(() => 'x'.repeat(5_000_000)),
    }),
    draws: hostTool({
      description: 'Draws.',
      input: empty,
      execute: note(() => ({
        content: [
          { type: 'text', text: 'a picture' },
          { type: 'image', data: pixel, mimeType: 'image/png' },
        ],
      })),
    }),
    refund: hostTool({
      ...{ description: 'Pays an order back.', input: z.object({ id: z.string() }), ask: true },
      execute: note(({ id }) => `refunded ${id}`),
    }),
    remember: hostTool({
      ...{ description: 'Asks once.', input: empty, ask: true },
      execute: note(() => 'paid'),
    }),
    whose: hostTool({
      description: 'Says whose turn it is.',
      input: z.object({ id: z.string() }),
      execute: note(async (_, { context, callId }) => {
        await together(callId)
        return (context as { user: string }).user
      }),
    }),
  }
}

interface Opened {
  server: OpenCodeServer
  close: () => Promise<void>
}

const repliesOf = (turn: Turn): Promise<Reply[]> => firstValueFrom(turn.replies$.pipe(toArray()))
const toolReplies = async (turn: Turn) =>
  (await repliesOf(turn)).filter(({ kind }) => kind === 'tool_call' || kind === 'tool_result')
const resultOf = async (turn: Turn) => (await toolReplies(turn)).find(({ kind }) => kind === 'tool_result')

/** Tests of host tools that hold on the real opencode and on the fake. */
export function describeHostTools(
  open: (script: readonly FakeRule[], options: Partial<OpenCodeServerOptions>) => Promise<Opened>,
  { users = 8, rounds = 5 } = {},
): void {
  const seen: HostToolCall[] = []
  let server: OpenCodeServer
  let close: () => Promise<void>

  beforeAll(async () => {
    const options = { hostTools: suiteTools(seen, users), env: { SECRET_KEY: secret } }
    ;({ server, close } = await open(hostScript, options))
    await server.ensureRunning()
  })

  afterAll(() => close())

  describe('hostTools', () => {
    it('run in this process, and replies name them without the prefix', async () => {
      seen.length = 0
      const context = { userId: 'u7' }
      const turn = server.turn({ text: 'look up', traceId: 't1', context })
      expect(await toolReplies(turn)).toEqual([
        expect.objectContaining({ kind: 'tool_call', tool: 'lookup_order', args: { id: '7' } }),
        expect.objectContaining({ tool: 'lookup_order', result: '{"id":"7","total":20}', success: true }),
      ])
      const [toolCall] = seen
      expect(toolCall).toMatchObject({ turnId: turn.id, traceId: 't1', sessionId: await turn.sessionId })
      expect(toolCall?.context).toBe(context)
      expect((await repliesOf(turn)).find((reply) => reply.kind === 'tool_call')?.call_id).toBe(
        toolCall?.callId,
      )
      expect(await turn.done).toMatchObject({ kind: 'final', content: 'done' })
      const parts = (await messagesOf(server, (await turn.sessionId) ?? '')).flatMap(
        (message) => message.parts,
      )
      expect(parts).toContainEqual(
        expect.objectContaining({ state: expect.objectContaining({ title: 'order 7' }) as unknown }),
      )
    })

    it('name a repeated call id as the replies do', async () => {
      seen.length = 0
      const turn = server.turn('tell me twice')
      const ids = (await toolReplies(turn)).flatMap((reply) =>
        reply.kind === 'tool_call' ? [reply.call_id] : [],
      )
      expect(ids).toEqual(['call_0', 'call_0#2'])
      expect(seen.map(({ callId }) => callId)).toEqual(ids)
    })

    it('tell the model what was wrong with the input, and do not run', async () => {
      seen.length = 0
      expect(await resultOf(server.turn('look wrong'))).toMatchObject({
        success: false,
        result: expect.stringMatching(/Invalid input for lookup_order: id: .*expected string/) as string,
      })
      expect(await resultOf(server.turn('look plainly'))).toMatchObject({
        success: false,
        result: expect.stringMatching(/Invalid input for plain: count: .*integer/) as string,
      })
      expect(seen).toEqual([])
    })

    it('fail with the message of what they throw, secrets masked, and the model goes on', async () => {
      const turn = server.turn('throw it')
      expect(await resultOf(turn)).toMatchObject({ success: false, result: 'The key *** is wrong' })
      expect(await turn.done).toMatchObject({ kind: 'final', content: 'done' })
    })

    it('fail at their time limit, which aborts their signal', async () => {
      seen.length = 0
      const turn = server.turn('be quick')
      expect(await resultOf(turn)).toMatchObject({
        success: false,
        result: expect.stringContaining('did not finish within 300 ms') as string,
      })
      expect(seen[0]?.signal.reason).toMatchObject({ name: 'TimeoutError' })
      expect((await turn.done).kind).toBe('final')
    })

    it('get an aborted signal when the turn is cancelled, and the session goes on', async () => {
      seen.length = 0
      const session = server.session()
      const turn = session.turn('hang on')
      await firstValueFrom(turn.replies$.pipe(filter(({ kind }) => kind === 'tool_call')))
      await expect.poll(() => seen.length).toBe(1)
      expect(seen[0]?.signal.aborted).toBe(false)
      turn.cancel()
      expect(await turn.done).toMatchObject({ kind: 'error', code: 'cancelled' })
      expect(seen[0]?.signal.aborted).toBe(true)
      await untilAnswered(server, await turn.sessionId)
      expect(await session.turn('look up').done).toMatchObject({ kind: 'final', content: 'done' })
    })

    it('may answer 5 MB, of which the model gets the lines that fit', async () => {
      const turn = server.turn('answer much')
      const result = await resultOf(turn)
      expect(result).toMatchObject({ success: true, result: expect.stringContaining('truncated') as string })
      expect(JSON.stringify(result).length).toBeLessThan(60_000)
      expect((await turn.done).kind).toBe('final')
    })

    it('may answer with an image', async () => {
      expect(await resultOf(server.turn('draw it'))).toMatchObject({ success: true, result: 'a picture' })
    })

    it('ask for permission if they are to, and wait for the answer', async () => {
      seen.length = 0
      const turn = server.turn({
        text: 'pay it',
        onPermission: (request) => {
          expect(request).toMatchObject({
            permission: 'host_refund',
            metadata: { tool: 'refund', input: { id: '7' } },
          })
          expect(seen).toEqual([])
          return 'once'
        },
      })
      expect(await resultOf(turn)).toMatchObject({ success: true, result: 'refunded 7' })
      expect(seen).toHaveLength(1)
    })

    it('ask once if the permission is given for always', async () => {
      let asked = 0
      const session = server.session()
      const onPermission = () => {
        asked++
        return 'always' as const
      }
      for (let i = 0; i < 2; i++)
        expect(await resultOf(session.turn({ text: 'pay always', onPermission }))).toMatchObject({
          success: true,
        })
      expect(asked).toBe(1)
    })

    it('do not run if the permission is rejected', async () => {
      seen.length = 0
      const turn = server.turn({ text: 'pay it', onPermission: () => ({ reject: 'Not today.' }) })
      const result = await resultOf(turn)
      expect(result).toMatchObject({
        success: false,
        result: expect.stringContaining('Not today.') as string,
      })
      expect(seen).toEqual([])
    })

    it('ask also after a turn that named them in `tools` with true', async () => {
      const session = server.session()
      let asked = 0
      const onPermission = () => (asked++, 'once' as const)
      await session.turn({ text: 'pay it', tools: { refund: true, bash: false }, onPermission }).done
      await session.turn({ text: 'pay it', onPermission }).done
      expect(asked).toBe(2)
    })
  })

  describe('tools of a turn', () => {
    it('are hidden from this turn only', async () => {
      seen.length = 0
      const session = server.session()
      const hidden = await toolReplies(session.turn({ text: 'look up', tools: { lookup_order: false } }))
      expect(hidden[0]).toMatchObject({ tool: 'invalid' })
      expect(seen).toEqual([])
      await session.turn('look up').done
      expect(seen).toHaveLength(1)
      const command = await toolReplies(session.turn({ text: 'run a command', tools: { bash: false } }))
      expect(command[0]).toMatchObject({ tool: 'invalid' })
      expect(await resultOf(session.turn('run a command'))).toMatchObject({ tool: 'bash', success: true })
    })

    it('come back in another conversation with the same session', async () => {
      seen.length = 0
      const first = server.turn({ text: 'look up', tools: { lookup_order: false } })
      await first.done
      const sessionId = await first.sessionId
      if (sessionId === undefined) throw new Error('no session')
      await server.turn({ text: 'look up', sessionId }).done
      expect(seen).toHaveLength(1)
    })
  })

  describe('The history of a session', () => {
    it('names host tools as the replies of the turn did', async () => {
      const session = server.session()
      const live = await toolReplies(session.turn('look up'))
      const [turn] = await session.history()
      expect(turn?.replies.filter(({ kind }) => kind === 'tool_call' || kind === 'tool_result')).toEqual(live)
    })
  })

  describe('A fork of a session', () => {
    it('offers tools that the last turn before it hid', async () => {
      seen.length = 0
      const session = server.session()
      await session.turn({ text: 'look up', tools: { lookup_order: false } }).done
      const fork = await session.fork()
      await fork.turn('look up').done
      expect(seen).toHaveLength(1)
    })
  })

  describe('Turns of several users at once', () => {
    it(`never get the context of another, in ${users * rounds * 25} calls with equal input`, async () => {
      seen.length = 0
      for (let round = 0; round < rounds; round++) {
        const all = Array.from({ length: users }, (_, i) => {
          const context = { user: `user ${i} of round ${round}` }
          // Three equal calls ask for the permission doom_loop.
          return { context, turn: server.turn({ text: 'whose is it', context, onPermission: 'once' }) }
        })
        for (const { context, turn } of all) {
          const results = (await toolReplies(turn)).flatMap((reply) =>
            reply.kind === 'tool_result' ? [reply.result] : [],
          )
          expect(results).toEqual(Array.from({ length: 25 }, () => context.user))
          const own = seen.filter(({ turnId }) => turnId === turn.id)
          expect(own).toHaveLength(25)
          expect(own.every((each) => each.context === context)).toBe(true)
        }
      }
      expect(seen).toHaveLength(users * rounds * 25)
    })
  })
}
