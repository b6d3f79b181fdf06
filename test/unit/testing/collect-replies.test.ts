import { AssertionError } from 'node:assert'
import { EMPTY, of } from 'rxjs'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { noUsage, type Reply, type TerminalReply } from '../../../src/replies.ts'
import { collectReplies, type CollectedTurn } from '../../../src/testing/index.ts'
import { startServer } from '../../support/machine-harness.ts'

const final: TerminalReply = {
  kind: 'final',
  trace_id: 't1',
  content: 'Hello',
  finish_reason: 'stop',
  usage: noUsage(),
}
const delta: Reply = { kind: 'delta', trace_id: 't1', content: 'Hello' }
const result: Reply = {
  kind: 'tool_result',
  trace_id: 't1',
  call_id: 'c1',
  tool: 'bash',
  result: '',
  success: true,
}

/** Returns a finished turn with these replies. */
const turnOf = (...replies: Reply[]) => ({
  traceId: 't1',
  replies$: of(...replies),
  status$: EMPTY,
  requests$: EMPTY,
  done: Promise.resolve(final),
})

describe('collectReplies', () => {
  it('collects the whole output of a running or finished turn', async () => {
    const server = startServer()
    const turn = server.turn({ text: 'hello', traceId: 't1' })
    const early = collectReplies(turn)
    await server.advance()
    await server.answer(turn)
    const { replies, last, status, requests } = await early
    expect(replies.map(({ kind }) => kind)).toEqual(['delta', 'final'])
    expect(last).toMatchObject({ kind: 'final', content: 'Hello', trace_id: 't1' })
    expect(status.map(({ state }) => state)).toEqual(['waitingForServer', 'running', 'done'])
    expect(requests).toEqual([])
    expect(await collectReplies(turn)).toEqual({ replies, last, status, requests })
  })

  it('collects the single reply of a failed turn', async () => {
    const server = startServer({}, { prepare: new Error('no binary') })
    const collected = collectReplies(server.turn())
    await server.advance()
    expect(await collected).toMatchObject({ replies: [{ code: 'server_unavailable' }] })
  })

  it.each<[string, Reply[], string]>([
    ['no terminal reply', [delta], 'but has 0'],
    ['two terminal replies', [final, final], 'but has 2'],
    ['a reply after the terminal reply', [final, delta], 'The last reply must be the terminal reply'],
    ['a terminal reply that is not the value of done', [{ ...final }], 'that `done` resolves with'],
    ['another trace id', [{ ...delta, trace_id: null }, final], 'trace id "t1", but one has null'],
    ['a tool result without a call', [result, final], 'must follow its tool call'],
  ])('rejects a turn with %s', async (_what, replies, message) => {
    const collected = collectReplies(turnOf(...replies))
    await expect(collected).rejects.toThrow(message)
    await expect(collected).rejects.toBeInstanceOf(AssertionError)
    await expect(collected).rejects.toThrow(replies.map(({ kind }) => kind).join(', '))
  })

  it('accepts a tool result after its call', async () => {
    const call: Reply = { kind: 'tool_call', trace_id: 't1', call_id: 'c1', tool: 'bash', args: {} }
    expect((await collectReplies(turnOf(call, result, delta, final))).replies).toHaveLength(4)
  })

  it('has the type of a collected turn', () => {
    expectTypeOf(collectReplies).returns.resolves.toEqualTypeOf<CollectedTurn>()
    expectTypeOf<CollectedTurn['last']>().toEqualTypeOf<TerminalReply>()
  })
})
