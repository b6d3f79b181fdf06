import { HttpError, type OpenCodeClient } from '../../io/opencode/client.ts'
import { isStructured, type WireSession } from '../../io/opencode/session-wire.ts'
import { asList, isFields, parseMessage, parsePart, partsOf } from '../../io/opencode/wire.ts'
import type { StoredSession } from './history.ts'

/** Reader of a session: its client and the directory that requests name. */
export interface SessionReader {
  client: OpenCodeClient
  sessionId: string
  directory: string | undefined
  signal: AbortSignal
}

/** Resolves with all messages of a session, the oldest first, also those that were taken back by a revert. */
export const allMessages = async ({
  client,
  sessionId,
  directory,
  signal,
}: SessionReader): Promise<unknown[]> => asList(await client.messages(sessionId, directory, '', signal))

/** Resolves with a session and its messages, without those that were taken back by a revert. */
export async function readSession(
  reader: SessionReader,
): Promise<{ session: WireSession; messages: unknown[] }> {
  const session = await reader.client.sessions.read(reader, reader.signal)
  const all = await allMessages(reader)
  return { session, messages: messagesBefore(all, session.revert?.messageId) }
}

/** Resolves with the messages of a session and of its child sessions of any depth. */
export async function readStored(
  reader: SessionReader,
  messages: readonly unknown[],
): Promise<StoredSession> {
  const childMessages = await messagesBelow(reader, messages, new Set([reader.sessionId]))
  return { sessionId: reader.sessionId, messages, childMessages }
}

/** Returns whether the last turn in the messages has no stored end, so that the turn may still run. */
export function mayRun(messages: readonly unknown[]): boolean {
  const last = messages.at(-1)
  const message = isFields(last) ? parseMessage(last['info']) : undefined
  if (!message?.completed) return message !== undefined
  return message.finish === 'tool-calls' && !message.error && !isStructured(last)
}

/** Returns the messages before a message; all messages if the session does not have the message. */
export function messagesBefore(messages: readonly unknown[], messageId: string | undefined): unknown[] {
  const end = messageId === undefined ? -1 : messages.findIndex((entry) => idOf(entry) === messageId)
  return messages.slice(0, end < 0 ? undefined : end)
}

const idOf = (entry: unknown): string | undefined =>
  isFields(entry) ? parseMessage(entry['info'])?.id : undefined

/**
 * Resolves with the messages of the child sessions of a session, and of those that its messages name: a fork's messages
 * name the child sessions of the session that was forked.
 */
async function messagesBelow(
  reader: SessionReader,
  messages: readonly unknown[],
  seen: Set<string>,
): Promise<unknown[]> {
  const named = messages.flatMap(partsOf).flatMap((part) => parsePart(part)?.childId ?? [])
  const ids = [...(await reader.client.sessions.children(reader, reader.signal)), ...named]
  const below: unknown[] = []
  for (const sessionId of ids.filter((id) => !seen.has(id))) {
    if (seen.has(sessionId)) continue
    seen.add(sessionId)
    below.push(...(await messagesOfChild({ ...reader, sessionId }, seen)))
  }
  return below
}

/** Resolves with the messages of a child session and of those below it; none if the child session was deleted. */
async function messagesOfChild(child: SessionReader, seen: Set<string>): Promise<unknown[]> {
  try {
    const messages = await allMessages(child)
    return [...messages, ...(await messagesBelow(child, messages, seen))]
  } catch (error) {
    if (error instanceof HttpError && error.status === 404) return []
    throw error
  }
}
