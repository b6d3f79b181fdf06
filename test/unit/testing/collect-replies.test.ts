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

/** What a turn would be that says this. */
const turnOf = (...replies: Reply[]) => ({
  traceId: 't1',
  replies$: of(...replies),
  status$: EMPTY,
  requests$: EMPTY,
  done: Promise.resolve(final),
})

describe('collectReplies', () => {
  it('gives all that a turn said, whether it has ended or not', async () => {
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

  it('gives the one reply of a turn that fails', async () => {
    const server = startServer({}, { prepare: new Error('no binary') })
    const collected = collectReplies(server.turn())
    await server.advance()
    expect(await collected).toMatchObject({ replies: [{ code: 'server_unavailable' }] })
  })

  it.each<[string, Reply[], string]>([
    ['no end', [delta], 'this one has 0'],
    ['two ends', [final, final], 'this one has 2'],
    ['something after the end', [final, delta], 'The last reply is the terminal one'],
    ['another end than it promised', [{ ...final }], 'what `done` gives'],
    ['another trace', [{ ...delta, trace_id: null }, final], 'A reply has the trace id null, its turn "t1"'],
    ['a result of nothing', [result, final], 'after it was called'],
  ])('rejects a turn of %s', async (_what, replies, message) => {
    const collected = collectReplies(turnOf(...replies))
    await expect(collected).rejects.toThrow(message)
    await expect(collected).rejects.toBeInstanceOf(AssertionError)
    await expect(collected).rejects.toThrow(replies.map(({ kind }) => kind).join(', '))
  })

  it('lets a called tool answer', async () => {
    const call: Reply = { kind: 'tool_call', trace_id: 't1', call_id: 'c1', tool: 'bash', args: {} }
    expect((await collectReplies(turnOf(call, result, delta, final))).replies).toHaveLength(4)
  })

  it('says what it gives', () => {
    expectTypeOf(collectReplies).returns.resolves.toEqualTypeOf<CollectedTurn>()
    expectTypeOf<CollectedTurn['last']>().toEqualTypeOf<TerminalReply>()
  })
})
