import { InvalidOptionsError } from '../../errors.ts'
import type { TerminalReply } from '../../replies.ts'
import { onAbort } from '../../util/abort-signal.ts'
import type { Caller } from '../access/caller.ts'
import type { GatewayContext } from '../context.ts'
import { streamAnswer } from '../http/answers.ts'
import { draining, erased } from '../http/refusals.ts'
import { repliesAsEvents, repliesAsLines } from '../turns/reply-stream.ts'
import type { JoinedTurn } from '../turns/joined-turns.ts'
import type { LoggedTurn } from '../turns/turn-log.ts'

/** Media types of a stream of replies. */
export const streamTypes = ['application/x-ndjson', 'text/event-stream'] as const

/** Request for the replies or the end of a turn. */
interface Asked {
  context: GatewayContext
  raw: Request
  turn: LoggedTurn
  /** The turn, if it runs; left with the answer. */
  joined: JoinedTurn
  /** Called once when the answer has ended, or the client has gone. */
  onEnd?: (() => void) | undefined
}

/**
 * Returns the answer that streams the replies of a turn.
 *
 * @throws ProblemError 409 if the turn's texts were erased
 */
export function answerReader({
  context,
  raw,
  joined,
  turn: { turnId, hasTexts, reply },
  caller,
  after,
  hasTimes = false,
  type,
  onEnd,
}: Asked & {
  caller: Caller
  after: number
  hasTimes?: boolean
  type: (typeof streamTypes)[number]
}): Response {
  if (!hasTexts && !reply) {
    onEnd?.()
    joined.leave()
    throw erased()
  }
  const right = context.authority.follow(caller)
  const read = type === 'text/event-stream' ? repliesAsEvents : repliesAsLines
  const body = read({
    log: context.log,
    turnId,
    after,
    hasTimes,
    live: joined.live,
    until: [raw.signal, context.closed, right.signal],
    onEnd: () => {
      right.stop()
      onEnd?.()
      joined.leave()
    },
  })
  return streamAnswer(body, type, { 'turn-id': turnId })
}

/**
 * Waits for the terminal reply of a turn.
 *
 * @throws ProblemError 503 if the gateway closes before, 409 if the turn's texts were erased
 */
export async function waitForEnd({ context, raw, joined, turn, onEnd }: Asked): Promise<TerminalReply> {
  const { turnId } = turn
  try {
    await first([raw.signal, context.closed], joined.live?.ended)
  } finally {
    onEnd?.()
    joined.leave()
  }
  const { reply, state } = (await context.log.get(turnId)) ?? turn
  if (reply) return reply
  if (state !== 'done') throw draining()
  throw erased()
}

/** Resolves with a promise, or as soon as a signal aborts. */
async function first(signals: readonly AbortSignal[], promise: Promise<void> | undefined): Promise<void> {
  let listening: (() => void)[] = []
  const aborted = new Promise<void>((resolve) => {
    listening = signals.map((signal) => onAbort(signal, resolve))
    if (signals.some((signal) => signal.aborted)) resolve()
  })
  await Promise.race([promise, aborted])
  for (const stop of listening) stop()
}

/**
 * Returns the number after which a client wants the replies: the header Last-Event-ID counts if it is higher, because a
 * browser that joins again sends it to the same address.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`)
 */
export function afterOf(headers: Headers, after: number): number {
  const last = headers.get('last-event-id')
  if (last === null || last === '') return after
  if (/^\d{1,15}$/.test(last)) return Math.max(after, Number(last))
  throw new InvalidOptionsError('Invalid field Last-Event-ID: expected the number of a reply')
}
