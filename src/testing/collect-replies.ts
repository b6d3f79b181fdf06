import { AssertionError } from 'node:assert'
import type { Observable } from 'rxjs'
import type { TurnStatus } from '../actors/turn/turn-record.ts'
import { isTerminal, type InputRequest, type Reply, type TerminalReply } from '../replies.ts'
import type { Turn } from '../api/turn.ts'

/** Complete output of a turn. */
export interface CollectedTurn {
  /** Replies in order. The last reply is the terminal reply. */
  replies: Reply[]
  /** Terminal reply. */
  last: TerminalReply
  status: TurnStatus[]
  /** Requests of the turn to its host. */
  requests: InputRequest[]
}

/**
 * Collects the complete output of a turn, from its first reply. Resolves when the turn has ended.
 *
 * @param turn - The turn to collect.
 * @returns Replies, status and requests of the turn, each in order.
 * @throws AssertionError (of `node:assert`) if the turn did not end with exactly one terminal reply, if that
 * reply is not the value of `done`, if a reply's trace id differs from the turn's, or if a tool result has no
 * preceding call.
 *
 * @example
 * import assert from 'node:assert/strict'
 * import { OpenCodeServer } from 'opencode-runtime'
 * import { collectReplies } from 'opencode-runtime/testing'
 *
 * await using server = new OpenCodeServer({
 *   home: '/srv/agents/a1',
 *   proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: process.env['AGENT_KEY'] ?? '' },
 *   models: ['gpt-4o'],
 * })
 * const { replies, last } = await collectReplies(server.turn('Say hello'))
 * assert.equal(last.kind, 'final')
 * assert.ok(replies.some(({ kind }) => kind === 'delta'))
 */
export async function collectReplies(
  turn: Pick<Turn, 'traceId' | 'replies$' | 'status$' | 'requests$' | 'done'>,
): Promise<CollectedTurn> {
  const [replies, status, requests, last] = await Promise.all([
    all(turn.replies$),
    all(turn.status$),
    all(turn.requests$),
    turn.done,
  ])
  const wrong = wrongIn(replies, last, turn.traceId)
  if (wrong === undefined) return { replies, last, status, requests }
  const kinds = replies.map(({ kind }) => kind).join(', ')
  throw new AssertionError({
    message: `${wrong}. The turn's replies: ${kinds || 'none'}`,
    actual: replies,
    stackStartFn: collectReplies,
  })
}

function wrongIn(replies: Reply[], last: TerminalReply, traceId: string | null): string | undefined {
  const ends = replies.filter(isTerminal).length
  if (ends !== 1) return `The turn must have exactly one terminal reply, but has ${ends}`
  if (replies.at(-1) !== last) return 'The last reply must be the terminal reply that `done` resolves with'
  const foreign = replies.find(({ trace_id }) => trace_id !== traceId)
  if (foreign)
    return `Every reply must have the turn's trace id ${JSON.stringify(traceId)}, but one has ${JSON.stringify(foreign.trace_id)}`
  const orphan = replies.findIndex(
    (reply, i) => reply.kind === 'tool_result' && !isCalled(reply.call_id, replies.slice(0, i)),
  )
  return orphan < 0 ? undefined : 'Every tool result must follow its tool call'
}

const isCalled = (callId: string, replies: Reply[]): boolean =>
  replies.some((reply) => reply.kind === 'tool_call' && reply.call_id === callId)

const all = <T>(values$: Observable<T>): Promise<T[]> =>
  new Promise((resolve, reject) => {
    const values: T[] = []
    values$.subscribe({ next: (value) => values.push(value), error: reject, complete: () => resolve(values) })
  })
