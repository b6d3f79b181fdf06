import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { clockOf } from '../../../../src/actors/clock.ts'
import { HostCalls } from '../../../../src/actors/server/host-calls.ts'
import type { CallingTurn } from '../../../../src/actors/server/running-parts.ts'
import { compileOptions } from '../../../../src/config/options.ts'
import { hostTool, type HostToolCall, type OpenCodeEvent } from '../../../../src/index.ts'
import { settled, SteppedClock } from '../../../support/stepped-clock.ts'

const withoutText: unknown = Object.create(null)
const posted = {
  sessionId: 'ses_1',
  messageId: 'msg_1',
  callId: 'call_0',
  tool: 'greet',
  args: { name: 'Ann' },
}

const partEvent = (status: string, more: Record<string, unknown> = {}): OpenCodeEvent => ({
  type: 'message.part.updated',
  properties: {
    part: {
      ...{
        id: 'prt_1',
        sessionID: 'ses_1',
        messageID: 'msg_1',
        type: 'tool',
        tool: 'host_greet',
        callID: 'call_0',
      },
      state: { status, input: {} },
      ...more,
    },
  },
})
const running = (more: Record<string, unknown> = {}) => partEvent('running', more)
const asked: OpenCodeEvent = {
  type: 'permission.asked',
  properties: {
    ...{ id: 'per_1', sessionID: 'ses_1', permission: 'host_greet', patterns: ['*'] },
    tool: { messageID: 'msg_1', callID: 'call_0' },
  },
}
const replied: OpenCodeEvent = {
  type: 'permission.replied',
  properties: { sessionID: 'ses_1', requestID: 'per_1' },
}

const turnOf = (id: string, sessionId: string, hidden: string[] = []): CallingTurn => ({
  ...{ id, sessionId, traceId: `trace of ${id}`, context: { of: id } },
  isHidden: (key) => hidden.includes(key),
  callIdOf: (part) => `${part.tool?.callId ?? ''} of ${part.id}`,
})

function stage() {
  const seen: HostToolCall[] = []
  const warnings: string[] = []
  const greet = hostTool({
    description: 'Greets.',
    input: z.object({ name: z.string() }),
    execute: ({ name }, call) => {
      seen.push(call)
      if (name === 'thrower') throw withoutText as Error
      return name === 'nobody' ? new Promise(() => undefined) : `Hello ${name}`
    },
  })
  const options = compileOptions({
    home: '/srv/a1',
    proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'sk-x' },
    models: ['m'],
    hostTools: { greet },
  })
  const time = new SteppedClock()
  const clock = clockOf({ _clock: time } as unknown as Parameters<typeof clockOf>[0])
  const calls = new HostCalls(options, clock, (message) => warnings.push(message))
  const titles: string[] = []
  const answer = (more: Partial<typeof posted> = {}) =>
    calls.answer({ ...posted, ...more }, (title) => titles.push(title))
  return { calls, time, seen, warnings, titles, answer }
}

const hello = { output: 'Hello Ann' }
const refused = { error: expect.stringContaining('no running tool call') as string }

describe('HostCalls.answer', () => {
  it('runs a call whose part is running, with the turn of its session', async () => {
    const { calls, seen, answer } = stage()
    calls.follow(turnOf('t1', 'ses_1')).onEvent(running())
    expect(await answer().answer).toEqual(hello)
    expect(seen).toEqual([
      expect.objectContaining({
        ...{ turnId: 't1', traceId: 'trace of t1', sessionId: 'ses_1', context: { of: 't1' } },
        callId: 'call_0 of prt_1',
      }),
    ])
  })

  it('waits for the event that shows the part running', async () => {
    const { calls, answer, seen } = stage()
    const turn = calls.follow(turnOf('t1', 'ses_1'))
    const { answer: result } = answer()
    turn.onEvent(partEvent('pending'))
    await settled()
    expect(seen).toEqual([])
    turn.onEvent(running())
    expect(await result).toEqual(hello)
  })

  it('gives each of two calls with equal input and equal call id its own turn', async () => {
    const { calls, answer, seen } = stage()
    for (const id of ['1', '2'])
      calls
        .follow(turnOf(`t${id}`, `ses_${id}`))
        .onEvent(running({ id: `prt_${id}`, sessionID: `ses_${id}` }))
    await Promise.all([answer({ sessionId: 'ses_2' }).answer, answer({ sessionId: 'ses_1' }).answer])
    expect(seen.map(({ context }) => context)).toEqual([{ of: 't2' }, { of: 't1' }])
  })

  it('counts the call of a child session as its turn', async () => {
    const { calls, answer, seen } = stage()
    calls.follow(turnOf('t1', 'ses_1')).onEvent(running({ sessionID: 'ses_child' }))
    expect(await answer({ sessionId: 'ses_child' }).answer).toEqual(hello)
    expect(seen[0]).toMatchObject({ turnId: 't1', sessionId: 'ses_1' })
  })

  it('accepts each part once', async () => {
    const { calls, time, answer, seen, warnings } = stage()
    const turn = calls.follow(turnOf('t1', 'ses_1'))
    for (const id of ['prt_1', 'prt_2']) turn.onEvent(running({ id }))
    expect(await Promise.all([answer().answer, answer().answer])).toEqual([hello, hello])
    const third = answer().answer
    await time.advance(15_000)
    expect(await third).toEqual(refused)
    expect(seen).toHaveLength(2)
    expect(warnings).toHaveLength(1)
  })

  it.each([
    ['of another session', { sessionId: 'ses_2' }],
    ['of another message', { messageId: 'msg_2' }],
    ['with another id', { callId: 'call_1' }],
    ['of another tool', { tool: 'other' }],
  ])('refuses a call %s', async (_, more) => {
    const { calls, time, answer, seen } = stage()
    calls.follow(turnOf('t1', 'ses_1')).onEvent(running())
    const { answer: result } = answer(more)
    await time.advance(15_000)
    expect(await result).toEqual(refused)
    expect(seen).toEqual([])
  })

  it.each(['completed', 'error'])(
    'refuses a call whose part is %s, also after an old snapshot',
    async (status) => {
      const { calls, time, answer } = stage()
      const turn = calls.follow(turnOf('t1', 'ses_1'))
      for (const event of [running(), partEvent(status), running()]) turn.onEvent(event)
      const { answer: result } = answer()
      await time.advance(15_000)
      expect(await result).toEqual(refused)
    },
  )

  it('refuses a call after the turn has ended', async () => {
    const { calls, time, answer } = stage()
    const turn = calls.follow(turnOf('t1', 'ses_1'))
    turn.onEvent(running())
    turn.end()
    const { answer: result } = answer()
    await time.advance(15_000)
    expect(await result).toEqual(refused)
  })

  it('waits while a permission request for the call is open', async () => {
    const { calls, answer, seen } = stage()
    const turn = calls.follow(turnOf('t1', 'ses_1'))
    for (const event of [running(), asked]) turn.onEvent(event)
    const { answer: result } = answer()
    await settled()
    expect(seen).toEqual([])
    turn.onEvent(replied)
    expect(await result).toEqual(hello)
  })

  it('waits for a permission request that comes with the event for which the call waits', async () => {
    const { calls, answer, seen } = stage()
    const turn = calls.follow(turnOf('t1', 'ses_1'))
    const { answer: result } = answer()
    await settled()
    for (const event of [running(), asked]) turn.onEvent(event)
    await settled()
    expect(seen).toEqual([])
    turn.onEvent(replied)
    expect(await result).toEqual(hello)
  })

  it('is refused if it is aborted while it waits for its event', async () => {
    const { calls, answer, seen } = stage()
    const turn = calls.follow(turnOf('t1', 'ses_1'))
    const { answer: result, abort } = answer()
    turn.onEvent(running())
    abort()
    expect(await result).toHaveProperty('error')
    expect(seen).toEqual([])
  })

  it('goes on if the answer to a permission request was missed', async () => {
    const { calls, answer } = stage()
    const turn = calls.follow(turnOf('t1', 'ses_1'))
    for (const event of [running(), asked]) turn.onEvent(event)
    turn.onRequests(new Set(['per_1']))
    const { answer: result } = answer()
    turn.onRequests(new Set())
    expect(await result).toEqual(hello)
  })

  it('refuses a tool that the turn hides, also in a subagent', async () => {
    const { calls, answer, seen } = stage()
    calls.follow(turnOf('t1', 'ses_1', ['greet'])).onEvent(running({ sessionID: 'ses_child' }))
    expect(await answer({ sessionId: 'ses_child' }).answer).toEqual({
      error: 'The tool greet is not available in this turn',
    })
    expect(seen).toEqual([])
  })

  it('refuses further calls while a thousand wait', async () => {
    const { time, answer } = stage()
    const waiting = Array.from({ length: 1_000 }, () => answer().answer)
    expect(await answer().answer).toEqual(refused)
    await time.advance(15_000)
    expect(new Set((await Promise.all(waiting)).map((each) => JSON.stringify(each))).size).toBe(1)
  })
})

describe('A function of a host tool', () => {
  it('fails its call if it throws a value without a text', async () => {
    const { calls, answer } = stage()
    calls.follow(turnOf('t1', 'ses_1')).onEvent(running())
    expect(await answer({ args: { name: 'thrower' } }).answer).toEqual({ error: 'unknown error' })
  })

  it('reports titles as texts, because a title that JSON leaves out would look like the end of the call', async () => {
    const { calls, answer, seen, titles } = stage()
    calls.follow(turnOf('t1', 'ses_1')).onEvent(running())
    await answer().answer
    const progress = seen[0]?.progress as ((title: unknown) => void) | undefined
    for (const title of ['half', undefined, 7n, Symbol('s')]) progress?.(title)
    expect(titles).toEqual(['half', 'undefined', '7', 'Symbol(s)'])
  })
})

describe('The signal of a call', () => {
  const hanging = { args: { name: 'nobody' } }

  it.each([
    ['its turn ends', ({ turn }: Ends) => turn.end()],
    ['its part ends', ({ turn }: Ends) => turn.onEvent(partEvent('error'))],
    ['the plugin no longer waits', ({ abort }: Ends) => abort()],
  ])('aborts when %s', async (_, end) => {
    const { calls, answer, seen } = stage()
    const turn = calls.follow(turnOf('t1', 'ses_1'))
    turn.onEvent(running())
    const { answer: result, abort } = answer(hanging)
    await settled()
    expect(seen[0]?.signal.aborted).toBe(false)
    end({ turn, abort })
    expect(seen[0]?.signal.aborted).toBe(true)
    expect(await result).toEqual({ error: 'The call was ended' })
  })

  it('aborts at the time limit of the tool', async () => {
    const { calls, time, answer, seen } = stage()
    calls.follow(turnOf('t1', 'ses_1')).onEvent(running())
    const { answer: result } = answer(hanging)
    await time.advance(119_999)
    expect(seen[0]?.signal.aborted).toBe(false)
    await time.advance(1)
    expect(await result).toEqual({ error: 'The tool greet did not finish within 120000 ms' })
    expect(time.pending).toBe(0)
  })

  it('is of no other turn', async () => {
    const { calls, answer, seen } = stage()
    const [one, two] = ['1', '2'].map((id) => calls.follow(turnOf(`t${id}`, `ses_${id}`)))
    one?.onEvent(running())
    two?.onEvent(running({ id: 'prt_2', sessionID: 'ses_2' }))
    answer(hanging)
    answer({ ...hanging, sessionId: 'ses_2' })
    await settled()
    one?.end()
    expect(seen.map(({ signal }) => signal.aborted)).toEqual([true, false])
  })
})

interface Ends {
  turn: ReturnType<HostCalls['follow']>
  abort: () => void
}
