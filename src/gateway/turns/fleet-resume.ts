import type { Fleet } from '../../api/fleet/fleet.ts'
import type { TurnInput } from '../../api/turn-input.ts'
import type { ErrorReply } from '../../replies.ts'
import type { LoggedTurn, OpenTurn } from './turn-log.ts'

/** Time limit of a turn whose input names none, in ms. A turn is not repeated by one gateway after another for ever. */
const defaultDeadlineMs = 1_800_000

/** Returns the time that a turn has left, in ms, and its time limit. */
export function timeLeft({ createdAt }: LoggedTurn, input: TurnInput): { leftMs: number; limitMs: number } {
  const limitMs = input.deadlineMs ?? defaultDeadlineMs
  return { leftMs: createdAt + limitMs - Date.now(), limitMs }
}

/** Returns whether a turn may go on: with `resume`, and with nothing but text so far. */
export const mayGoOn = (open: OpenTurn): boolean => open.resume !== null && !open.hasCalledTool

/** Returns the input with which a turn goes on, or its terminal reply. */
export async function nextOf(fleet: Fleet, open: OpenTurn): Promise<TurnInput | ErrorReply> {
  if (open.resume === null || !mayGoOn(open)) return died(open)
  const { turn } = open
  const input = JSON.parse(open.resume) as TurnInput
  const { leftMs: deadlineMs, limitMs } = timeLeft(turn, input)
  if (deadlineMs <= 0) return exceeded(open, limitMs)
  const { sessionId } = turn
  if (sessionId === null) return { ...input, deadlineMs }
  try {
    const isTextOnly = await takeBack(fleet, turn, { ...input, sessionId })
    return isTextOnly ? { ...input, sessionId, deadlineMs } : died(open)
  } catch {
    return died(open)
  }
}

/**
 * Takes the prompt of a turn back from its session, so that the model does not see the prompt twice.
 *
 * @returns false if a tool was called, which the log of turns does not know
 */
async function takeBack(
  fleet: Fleet,
  { agentId, state, createdAt }: LoggedTurn,
  { text, sessionId }: { text: string; sessionId: string },
): Promise<boolean> {
  // The prompt of a waiting turn was not sent.
  if (state === 'queued') return true
  const session = fleet.agent(agentId).session({ sessionId })
  const last = (await session.history()).at(-1)
  if (last?.text !== text || last.at < createdAt) return true
  if (last.replies.some(({ kind }) => kind === 'tool_call')) return false
  await session.undo()
  return true
}

/** Returns the terminal reply of a turn whose gateway has died. */
export const died = (open: OpenTurn): ErrorReply =>
  endOf(open, { code: 'server_died', error: 'The gateway died while the turn ran' })

/** Returns the terminal reply of a turn at its time limit. */
export const exceeded = (open: OpenTurn, limitMs: number): ErrorReply =>
  endOf(open, { code: 'deadline_exceeded', error: `The turn did not end within ${limitMs} ms` })

const endOf = ({ turn, text }: OpenTurn, end: Pick<ErrorReply, 'code' | 'error'>): ErrorReply => ({
  kind: 'error',
  trace_id: turn.traceId,
  ...end,
  retryable: true,
  ...(text !== '' && { partial: text }),
})
