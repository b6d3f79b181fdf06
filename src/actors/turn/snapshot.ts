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

/** The session that a turn runs in, and the id of its prompt. */
export interface SnapshotOf {
  sessionId: string
  directory: string | undefined
  messageId: string
}

/**
 * Asks the server for what a gap in the stream hid of a turn, child sessions to any depth included. Rejects where the
 * server does not answer.
 */
export async function askServer(
  client: OpenCodeClient,
  turn: SnapshotOf,
  signal: AbortSignal,
): Promise<TurnSnapshot> {
  const { sessionId, directory, messageId } = turn
  const [status, requests] = await Promise.all([
    client.status(directory, signal),
    client.requests(directory, signal),
  ])
  // A child session works in its parent's directory.
  const read = (id: string): Promise<unknown> => client.messages(id, directory, signal)
  // Messages last: what is idle before they are read is whole in them.
  const root = asList(await read(sessionId))
  const children = await messagesBelow(read, root, messageId, new Set([sessionId]))
  return { status, requests, messages: [...root, ...children] }
}

/** The child sessions that a snapshot tells of. */
export function linksIn({ messages }: TurnSnapshot): SessionLink[] {
  const parts = asList(messages).flatMap(partsOf)
  return parts.flatMap((part) => childOf({ type: 'message.part.updated', properties: { part } }) ?? [])
}

/** What child sessions said since the prompt; a child that was resumed has older messages, of another turn's cost. */
async function messagesBelow(
  read: (sessionId: string) => Promise<unknown>,
  messages: readonly unknown[],
  since: string,
  seen: Set<string>,
): Promise<unknown[]> {
  const children = messages.flatMap(childrenOf).filter((id) => !seen.has(id))
  for (const id of children) seen.add(id)
  const lists = await Promise.all([...new Set(children)].map(read))
  const theirs = lists.flatMap(asList).filter((entry) => (infoOf(entry)?.id ?? '') > since)
  return theirs.length === 0 ? [] : [...theirs, ...(await messagesBelow(read, theirs, since, seen))]
}

const infoOf = (entry: unknown) => (isFields(entry) ? parseMessage(entry['info']) : undefined)

function childrenOf(entry: unknown): string[] {
  return partsOf(entry).flatMap((part) => parsePart(part)?.childId ?? [])
}
