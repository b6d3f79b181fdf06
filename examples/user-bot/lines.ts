import type { Fleet, InputRequest, TerminalReply, Turn } from 'opencode-runtime'
import { distinct, filter, from, map, merge, mergeMap, takeUntil, type Observable } from 'rxjs'

/** Line that a user sees while the agent works. */
export type Line =
  | { line: 'waiting'; text: string }
  | { line: 'working' }
  | { line: 'ask'; request: string; text: string }
  | { line: 'text'; text: string }
  | { line: 'end'; text?: string }

/** Returns what a user sees of a turn; completes with the line `end`. */
export function linesOf(fleet: Fleet, turn: Turn): Observable<Line> {
  const end = from(turn.done)
  return merge(
    turn.status$.pipe(mergeMap(({ state }) => statusLine(fleet, state))),
    fleet.requests$.pipe(
      mergeMap((requests) => requests),
      filter(({ turnId }) => turnId === turn.id),
      distinct(({ request }) => request.id),
      map(({ request }) => ({ line: 'ask', request: request.id, text: questionOf(request) }) as const),
      takeUntil(end),
    ),
    turn.replies$.pipe(mergeMap((reply) => (reply.kind === 'delta' ? [textLine(reply.content)] : []))),
    end.pipe(map((reply) => endLine(reply))),
  )
}

const textLine = (text: string): Line => ({ line: 'text', text })

function statusLine({ status }: Fleet, state: string): Line[] {
  if (state === 'running') return [{ line: 'working' }]
  if (state !== 'queued' && state !== 'waitingForServer') return []
  // The order is fair, not first come, so that the number of all waiting turns is the most that can be promised.
  const others = Math.max(0, status.turns.queued - 1)
  const text = others === 0 ? 'Your assistant wakes up.' : `Messages before yours: at most ${others}.`
  return [{ line: 'waiting', text }]
}

const questionOf = (request: InputRequest): string =>
  'permission' in request
    ? `May I use ${request.permission} for ${request.patterns.join(', ')}?`
    : 'Your assistant has a question.'

/** Texts for users in place of the messages of errors, which are for operators. */
const apologies: Readonly<Record<string, string>> = {
  overloaded: 'Very many people are asking right now. Please send your message again in a minute.',
  cancelled: 'The message was cancelled.',
  server_unavailable: 'Your assistant cannot be reached. Please try again later.',
}

function endLine(reply: TerminalReply): Line {
  if (reply.kind === 'final') return { line: 'end' }
  return { line: 'end', text: apologies[reply.code] ?? 'Something went wrong. Please try again.' }
}
