import type { Fleet } from '../../api/fleet/fleet.ts'
import type { TurnInput } from '../../api/turn-input.ts'
import type { ErrorReply } from '../../replies.ts'
import type { LoggedTurn, OpenTurn, TurnLog } from './turn-log.ts'
import type { TurnDesk } from './turn-desk.ts'

/** Time limit of a turn whose input names none, in ms. A turn is not repeated by one gateway after another for ever. */
const defaultDeadlineMs = 1_800_000

/**
 * Ends the turns that an earlier process of the gateway has left without an end, or continues them: a turn with `resume`
 * that has produced only text. Resolves when all ends are stored; the continued turns go on.
 */
export async function mendTurns(
  desk: TurnDesk,
  { fleet, log }: { fleet: Fleet; log: TurnLog },
): Promise<void> {
  const left = await log.openTurns()
  const mended = left.map((open) => desk.resume(open.turn, () => nextOf(fleet, open)))
  await Promise.all(mended.filter((_, i) => !canResume(left[i])))
}

const canResume = (open: OpenTurn | undefined): boolean => open?.resume != null && !open.hasCalledTool

/** Returns the input with which a turn goes on, or its terminal reply. */
async function nextOf(fleet: Fleet, open: OpenTurn): Promise<TurnInput | ErrorReply> {
  if (open.resume === null || !canResume(open)) return died(open)
  const { turn } = open
  const input = JSON.parse(open.resume) as TurnInput
  const limitMs = input.deadlineMs ?? defaultDeadlineMs
  const deadlineMs = turn.createdAt + limitMs - Date.now()
  if (deadlineMs <= 0)
    return endOf(open, { code: 'deadline_exceeded', error: `The turn did not end within ${limitMs} ms` })
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

const died = (open: OpenTurn): ErrorReply =>
  endOf(open, { code: 'server_died', error: 'The gateway died while the turn ran' })

const endOf = ({ turn, text }: OpenTurn, end: Pick<ErrorReply, 'code' | 'error'>): ErrorReply => ({
  kind: 'error',
  trace_id: turn.traceId,
  ...end,
  retryable: true,
  ...(text !== '' && { partial: text }),
})
