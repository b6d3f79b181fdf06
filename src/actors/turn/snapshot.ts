import type { OpenCodeClient } from '../../io/opencode/client.ts'
import type { TurnSnapshot } from './reducer/reducer.ts'
import {
  asList,
  childOf,
  isFields,
  parseMessage,
  parsePart,
  partsOf,
  type SessionLink,
} from '../../io/opencode/wire.ts'

/** Session of a turn, and the id of the turn's first prompt on the server. */
export interface SnapshotOf {
  sessionId: string
  directory: string | undefined
  firstMessageId: string
}

/**
 * Resolves with the server's state of a turn after missed events, including child sessions of any depth.
 * Rejects if the server does not answer.
 */
export async function askServer(
  client: OpenCodeClient,
  turn: SnapshotOf,
  signal: AbortSignal,
): Promise<TurnSnapshot> {
  const { sessionId, directory, firstMessageId } = turn
  const [status, requests] = await Promise.all([
    client.status(directory, signal),
    client.requests(directory, signal),
  ])
  // A child session works in its parent's directory.
  const read = (id: string): Promise<unknown> => client.messages(id, directory, firstMessageId, signal)
  // Messages are read last, so that the messages of a session that was idle before are complete.
  const root = asList(await read(sessionId))
  const children = await messagesBelow(read, root, firstMessageId, new Set([sessionId]))
  return { status, requests, messages: [...root, ...children] }
}

/** Returns the child sessions that a snapshot contains. */
export function linksIn({ messages }: TurnSnapshot): SessionLink[] {
  const parts = asList(messages).flatMap(partsOf)
  return parts.flatMap((part) => childOf({ type: 'message.part.updated', properties: { part } }) ?? [])
}

/**
 * Resolves with the messages of child sessions since the prompt. A resumed child session also has older
 * messages, whose cost belongs to another turn.
 */
async function messagesBelow(
  read: (sessionId: string) => Promise<unknown>,
  messages: readonly unknown[],
  since: string,
  seen: Set<string>,
): Promise<unknown[]> {
  const children = messages.flatMap(childrenOf).filter((id) => !seen.has(id))
  for (const id of children) seen.add(id)
  const lists = await Promise.all([...new Set(children)].map(read))
  const childMessages = lists.flatMap(asList).filter((entry) => (infoOf(entry)?.id ?? '') > since)
  return childMessages.length === 0
    ? []
    : [...childMessages, ...(await messagesBelow(read, childMessages, since, seen))]
}

const infoOf = (entry: unknown) => (isFields(entry) ? parseMessage(entry['info']) : undefined)

function childrenOf(entry: unknown): string[] {
  return partsOf(entry).flatMap((part) => parsePart(part)?.childId ?? [])
}
