import { filter, firstValueFrom } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { InputRequest, OpenCodeServer, PendingRequest, Turn } from '../../src/index.ts'
import type { ModelRequest, ScriptedModel } from '../../src/testing/index.ts'
import { processesOf } from '../support/home.ts'
import { collect, kinds, realServer } from '../support/real.ts'
import { expectWhole } from '../support/replies.ts'
import { ask, busySessions, until, untilIdle } from '../support/server-api.ts'

const call = (name: string, args: Record<string, unknown>) => ({ toolCalls: [{ name, args }] })
const task = (prompt: string, more: Record<string, unknown> = {}) => ({
  name: 'task',
  args: { description: prompt, prompt, subagent_type: 'general', ...more },
})
const read = (filePath: string) => call('read', { filePath })
const bash = (command: string) => call('bash', { command, description: command })
const spend = (inputTokens: number) => ({ usage: { inputTokens, outputTokens: 1 } })

/** Returns the replies of a rule: a task for a subagent, then a text. */
const delegate = (prompt: string) => [
  { toolCalls: [task(prompt)], ...spend(1) },
  { text: 'over', ...spend(2) },
]

let server: OpenCodeServer
let model: ScriptedModel
let home: string
let close: () => Promise<void>

beforeAll(async () => {
  ;({ server, model, home, close } = await realServer(
    [
      { match: 'delegate reading', reply: delegate('CHILD reads') },
      {
        match: 'CHILD reads',
        reply: [
          { reasoning: 'child thinks', text: 'child speaks', ...read('/etc/hostname'), ...spend(10) },
          { text: 'child has read', ...spend(20) },
        ],
      },
      { match: 'delegate much', reply: delegate('CHILD studies') },
      {
        match: 'CHILD studies',
        reply: [read('/etc/hostname'), read('/proc/version'), { text: 'child has read' }],
      },
      { match: 'delegate running', reply: delegate('CHILD runs') },
      { match: 'CHILD runs', reply: bash('sleep 300') },
      { match: 'delegate failing', reply: delegate('CHILD fails') },
      { match: 'CHILD fails', reply: { error: { status: 503, message: 'the child has no provider' } } },
      { match: 'delegate nonsense', reply: delegate('CHILD is refused') },
      { match: 'CHILD is refused', reply: { error: { status: 422, message: 'not like this' } } },
      {
        match: 'delegate twice',
        reply: [
          { toolCalls: [task('CHILD reads one'), task('CHILD reads two')], ...spend(1) },
          { text: 'over', ...spend(2) },
        ],
      },
      { match: 'delegate deep', reply: [{ toolCalls: [task('CHILD delegates', boss)] }, { text: 'over' }] },
      { match: 'CHILD delegates', reply: delegate('CHILD reads') },
      {
        match: 'deep and long',
        reply: [{ toolCalls: [task('CHILD waits for it', boss)] }, { text: 'over' }],
      },
      { match: 'CHILD waits for it', reply: delegate('CHILD runs') },
      {
        match: 'resume it',
        reply: (request) =>
          isAnswered(request)
            ? { text: 'over', ...spend(2) }
            : { toolCalls: [task('CHILD reads again', { task_id: childIn(request) })], ...spend(1) },
      },
      { match: 'Say hello', reply: { text: ['Hello', ' world'] } },
    ],
    {
      config: {
        subagent_depth: 2,
        agent: {
          boss: {
            description: 'delegates',
            mode: 'subagent',
            prompt: 'You delegate.',
            permission: { task: 'allow' },
          },
        },
      },
    },
  ))
  await server.ensureRunning()
})

afterAll(() => close())

const boss = { subagent_type: 'boss' }

/** Returns whether a request follows a tool's result. */
const isAnswered = ({ messages }: ModelRequest): boolean => messages.at(-1)?.role === 'tool'

/** Returns the session of a subagent of an earlier turn, from the request to the model. */
const childIn = ({ messages }: ModelRequest): string =>
  /<task id=\\?"(ses_\w+)/.exec(JSON.stringify(messages))?.[1] ?? 'none'

const childrenOf = async (sessionId: string): Promise<string[]> =>
  (await ask<{ id: string }[]>(server, `/session/${sessionId}/children`)).map(({ id }) => id)

const requestsOf = (turn: Turn): InputRequest[] => {
  const seen: InputRequest[] = []
  turn.requests$.subscribe((request) => seen.push(request))
  return seen
}

describe('a subagent', () => {
  it("uses its parent's policy, counts in its parent's usage, and sends no replies of its own", async () => {
    const turn = server.turn({ text: 'delegate reading', onPermission: () => Promise.resolve('once') })
    const requests = requestsOf(turn)
    const replies = await collect(turn)
    const final = expectWhole(replies, 'over')
    expect(kinds(replies)).toEqual(['tool_call', 'tool_result', 'delta', 'final'])
    expect(replies[0]).toMatchObject({ tool: 'task', args: { prompt: 'CHILD reads' } })
    expect(replies[1]).toMatchObject({
      success: true,
      result: expect.stringContaining('child has read') as string,
    })
    const [child] = await childrenOf((await turn.sessionId) ?? '')
    expect(requests).toMatchObject([
      { type: 'permission', permission: 'external_directory', child: true, sessionId: child },
    ])
    expect(final.usage).toMatchObject({ input_tokens: 1 + 2 + 10 + 20, output_tokens: 4 })
    expect(turn.usage).toEqual(final.usage)
  })

  it('continues after a rejected permission, and so does its parent', async () => {
    const replies = await collect(
      server.turn({ text: 'delegate reading', onPermission: () => ({ reject: 'ask your elders' }) }),
    )
    expectWhole(replies, 'over')
    const said = model.requests.filter(({ text }) => text === 'CHILD reads').at(-1)
    expect(JSON.stringify(said?.messages)).toContain('ask your elders')
  })

  it('sends its own requests beside another subagent', async () => {
    const turn = server.turn({ text: 'delegate twice', onPermission: 'once' })
    const requests = requestsOf(turn)
    const final = expectWhole(await collect(turn), 'over')
    expect(requests.map(({ child }) => child)).toEqual([true, true])
    expect(new Set(requests.map(({ sessionId }) => sessionId)).size).toBe(2)
    expect(final.usage.input_tokens).toBe(1 + 2 + 2 * (10 + 20))
  })

  it('sends its requests to its turn, also while its own history is read', async () => {
    const turn = server.turn({ text: 'delegate much', onPermission: 'ask' })
    const open = (): Promise<PendingRequest[]> =>
      firstValueFrom(turn.openRequests$.pipe(filter(({ length }) => length > 0)))
    const [first] = await open()
    const child = first?.request.sessionId ?? ''
    const history = server.session({ sessionId: child }).history()
    // The history waits for the end of the child's work by the time of these answers.
    for (let i = 0; i < 5; i++) expect(await busySessions(server)).toContain(child)
    await turn.answer(first?.request.id ?? '', 'once')
    const [second] = await open()
    expect(second?.request).toMatchObject({ sessionId: child, patterns: ['/proc/*'] })
    await turn.answer(second?.request.id ?? '', 'once')
    expectWhole(await collect(turn), 'over')
    expect((await history).map(({ text }) => text)).toEqual(['CHILD studies'])
  })

  it('of a subagent sends requests and counts in the usage too', async () => {
    const turn = server.turn({ text: 'delegate deep', onPermission: 'once' })
    const requests = requestsOf(turn)
    const final = expectWhole(await collect(turn), 'over')
    const [child] = await childrenOf((await turn.sessionId) ?? '')
    const [grandchild] = await childrenOf(child ?? '')
    expect(requests).toMatchObject([{ child: true, sessionId: grandchild }])
    expect(final.usage.input_tokens).toBe(10 + (1 + 2) + (10 + 20) + 10)
  })

  it('that a later turn resumes uses the policy of that turn, and counts only its new usage', async () => {
    const session = server.session()
    const first = session.turn({ text: 'delegate reading', onPermission: 'once' })
    expectWhole(await collect(first), 'over')
    const [child] = await childrenOf((await first.sessionId) ?? '')
    const second = session.turn({ text: 'resume it', onPermission: 'once' })
    const requests = requestsOf(second)
    const final = expectWhole(await collect(second), 'over')
    expect(await childrenOf((await first.sessionId) ?? '')).toEqual([child])
    expect(requests).toMatchObject([{ child: true, sessionId: child }])
    expect(final.usage.input_tokens).toBe(1 + 2 + 10 + 20)
  })

  it('whose provider rejects it is a failed call, and its parent continues', async () => {
    const replies = await collect(server.turn('delegate nonsense'))
    expectWhole(replies, 'over')
    expect(replies[1]).toMatchObject({
      success: false,
      result: expect.stringContaining('not like this') as string,
    })
  })

  it('whose provider always fails ends its parent after the retries', async () => {
    const turn = server.turn({ text: 'delegate failing', maxRetries: 1 })
    const retries: number[] = []
    turn.status$.subscribe((status) => status.state === 'retrying' && retries.push(status.attempt))
    expect(await turn.done).toMatchObject({
      code: 'provider_unavailable',
      retryable: true,
      error: 'the child has no provider',
    })
    expect(retries).toEqual([1])
    const asked = () => model.requests.filter(({ text }) => text === 'CHILD fails').length
    expect(asked()).toBe(2)
    await untilIdle(server, await turn.sessionId)
    expect(await busySessions(server)).toEqual([])
  })

  it.each(['delegate running', 'deep and long'])(
    'ends with its parent (%s), including its tool',
    async (text) => {
      const before = new Set(processesOf(home))
      const session = server.session()
      const turn = session.turn(text)
      await firstValueFrom(turn.replies$.pipe(filter(({ kind }) => kind === 'tool_call')))
      await until('the tool runs', () => processesOf(home).some((pid) => !before.has(pid)))
      turn.cancel()
      expect(await turn.done).toMatchObject({ kind: 'error', code: 'cancelled' })
      const next = session.turn('Say hello')
      await firstValueFrom(next.status$.pipe(filter(({ state }) => state === 'running')))
      expect(processesOf(home).filter((pid) => !before.has(pid))).toEqual([])
      expectWhole(await collect(next), 'Hello world')
      expect(await busySessions(server)).toEqual([])
    },
  )
})
