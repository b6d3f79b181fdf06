import { noUsage, type OpenCodeEvent, type Reply, type Usage } from '../../replies.ts'
import { isFields, parseMessage, parsePart, partsOf } from '../../io/opencode/wire.ts'
import { createdAt, isStructured } from '../../io/opencode/session-wire.ts'
import type { Mask } from '../turn/reducer/failure.ts'
import { TurnReducer } from '../turn/reducer/reducer.ts'
import { joined } from './joined.ts'
import { storedEvents } from './stored-events.ts'
import { turnsIn, type StoredTurn } from './stored-turns.ts'

/** Turn of a conversation, as the server has stored it. */
export interface HistoryTurn {
  /** Id of the turn, if this process has run it. */
  turnId?: string
  /** Id of the turn's user message; `session.fork({ before })` takes it. */
  messageId: string
  /** Prompt. */
  text: string
  attachments: { mime: string; filename?: string }[]
  /**
   * Replies of the turn, with neighbouring deltas and neighbouring reasoning joined, and `trace_id` null. An end that
   * the server has not stored is an `error` with `cancelled` or `server_died`. Empty for a note.
   */
  replies: Reply[]
  /** Time of the prompt, in epoch ms. */
  at: number
  usage: Usage
}

/** Messages of a session, as the server stores them, the oldest first. */
export interface StoredSession {
  sessionId: string
  /** Entries of `GET /session/{id}/message`. */
  messages: readonly unknown[]
  /** The same of all child sessions, in any order. */
  childMessages: readonly unknown[]
}

/** Options of {@link historyOf}. */
export interface HistoryOptions {
  /** Masks secrets in the server's error messages. */
  mask?: Mask
  /** Returns the URL of a provider's endpoint, which an error names if the endpoint does not answer. */
  endpointOf?: (providerId: string | undefined) => string | undefined
  /** Returns the id of the turn that sent a prompt. */
  turnIdOf?: (messageId: string) => string | undefined
  /** Keys of the host tools, by which the replies name them. */
  hostTools?: readonly string[]
}

/**
 * Returns the turns of a session, by the reducer of live turns. Pure: no I/O and no clock.
 *
 * @remarks Text that the server does not store is missing: the pieces of an attempt that the server retried.
 */
export function historyOf(session: StoredSession, options: HistoryOptions = {}): HistoryTurn[] {
  const turns = turnsIn(session.messages)
  return turns.map((turn, i) => {
    const until = turns[i + 1]?.prompt.at ?? Infinity
    const children = session.childMessages.filter(
      (entry) => createdAt(entry) >= turn.prompt.at && createdAt(entry) < until,
    )
    return historyTurn(session.sessionId, turn, children, options)
  })
}

function historyTurn(
  sessionId: string,
  turn: StoredTurn,
  children: readonly unknown[],
  { mask, endpointOf, turnIdOf, hostTools }: HistoryOptions,
): HistoryTurn {
  const { id: messageId, at, text, attachments, model, kind } = turn.prompt
  if (kind === 'note') return { messageId, text, attachments, replies: [], at, usage: noUsage() }
  const endpoint = endpointOf?.(model?.providerId)
  const whose = { sessionId, messageId, traceId: null }
  const reducer = new TurnReducer({ ...whose, endpoint, hostTools, ...(mask && { mask }) })
  const events = eventsOf(turn, children, sessionId)
  const outputs = events.flatMap((event) => [...reducer.take(event)])
  if (!isBrokenOff(turn))
    outputs.push(...reducer.take({ type: 'session.idle', properties: { sessionID: sessionId } }))
  outputs.push(...reducer.settle(isAnswered(turn) ? serverDied : cancelled))
  const replies = outputs.flatMap((output) => (output.type === 'reply' ? [output.reply] : []))
  const turnId = turnIdOf?.(messageId)
  return {
    ...(turnId !== undefined && { turnId }),
    messageId,
    text,
    attachments,
    replies: joined(replies),
    at,
    usage: reducer.usage,
  }
}

const cancelled = { code: 'cancelled', error: 'The turn was cancelled' } as const
const serverDied = { code: 'server_died', error: 'The server died before the turn had ended' } as const

/**
 * Returns the events of a turn. The messages come in the order of their creation, so that costs are added in the same
 * order as live, and the sums are exactly equal.
 */
function eventsOf({ entries }: StoredTurn, children: readonly unknown[], sessionId: string): OpenCodeEvent[] {
  const left = children.toSorted((a, b) => createdAt(a) - createdAt(b))
  const childrenUntil = (time: number): unknown[] => {
    const next = left.findIndex((entry) => createdAt(entry) >= time)
    return left.splice(0, next < 0 ? left.length : next)
  }
  return [
    ...entries.flatMap((entry) => [
      ...childrenUntil(createdAt(entry)).flatMap((child) => childEvents(sessionId, child)),
      ...storedEvents(entry),
    ]),
    ...left.flatMap((child) => childEvents(sessionId, child)),
  ]
}

/** Returns the events that count the usage of a child session's message. */
function childEvents(sessionId: string, entry: unknown): OpenCodeEvent[] {
  const info = isFields(entry) ? entry['info'] : undefined
  const child = parseMessage(info)
  if (child?.role !== 'assistant') return []
  const link = { info: { id: child.sessionId, parentID: sessionId } }
  return [
    { type: 'session.created', properties: link },
    { type: 'message.updated', properties: { info } },
  ]
}

const lastAnswer = ({ entries }: StoredTurn): unknown =>
  entries.findLast((entry) => isFields(entry) && parseMessage(entry['info'])?.role === 'assistant')

const isAnswered = (turn: StoredTurn): boolean => lastAnswer(turn) !== undefined

/**
 * Returns whether a turn's work ended between two answers: the last answer called tools, none of which failed.
 *
 * @remarks Observed in opencode: the work ends after such an answer only if a permission or a question was rejected, and
 * the tool has failed then.
 */
function isBrokenOff(turn: StoredTurn): boolean {
  const entry = lastAnswer(turn)
  const message = isFields(entry) ? parseMessage(entry['info']) : undefined
  if (message?.finish !== 'tool-calls' || message.error || isStructured(entry)) return false
  return !partsOf(entry).some((part) => parsePart(part)?.tool?.status === 'error')
}
