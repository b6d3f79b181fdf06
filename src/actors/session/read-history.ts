import type { OpenCodeClient } from '../../io/opencode/client.ts'
import type { WireSession } from '../../io/opencode/session-wire.ts'
import { asList, isFields, parseMessage } from '../../io/opencode/wire.ts'
import type { StoredSession } from './history.ts'

/** Reader of a session: its client and the directory that requests name. */
export interface SessionReader {
  client: OpenCodeClient
  sessionId: string
  directory: string | undefined
  signal: AbortSignal
}

/** Resolves with a session and its messages, without those that were taken back by a revert. */
export async function readSession(
  reader: SessionReader,
): Promise<{ session: WireSession; messages: unknown[] }> {
  const { client, sessionId, directory, signal } = reader
  const session = await client.sessions.read({ sessionId, directory }, signal)
  const all = asList(await client.messages(sessionId, directory, signal))
  return { session, messages: messagesBefore(all, session.revert?.messageId) }
}

/** Resolves with the messages of a session and of its child sessions of any depth. */
export async function readStored(
  reader: SessionReader,
  messages: readonly unknown[],
): Promise<StoredSession> {
  const childMessages = await messagesBelow(reader, new Set([reader.sessionId]))
  return { sessionId: reader.sessionId, messages, childMessages }
}

/** Returns whether the last turn in the messages has no stored end, so that the turn may still run. */
export function mayRun(messages: readonly unknown[]): boolean {
  const last = messages.at(-1)
  const message = isFields(last) ? parseMessage(last['info']) : undefined
  if (!message?.completed) return message !== undefined
  return message.finish === 'tool-calls' && !message.error
}

/** Returns the messages before a message; all messages if the session does not have the message. */
export function messagesBefore(messages: readonly unknown[], messageId: string | undefined): unknown[] {
  const end = messageId === undefined ? -1 : messages.findIndex((entry) => idOf(entry) === messageId)
  return messages.slice(0, end < 0 ? undefined : end)
}

const idOf = (entry: unknown): string | undefined =>
  isFields(entry) ? parseMessage(entry['info'])?.id : undefined

async function messagesBelow(reader: SessionReader, seen: Set<string>): Promise<unknown[]> {
  const { client, sessionId, directory, signal } = reader
  const ids = await client.sessions.children({ sessionId, directory }, signal)
  const children = ids.filter((id) => !seen.has(id))
  for (const id of children) seen.add(id)
  const messages: unknown[] = []
  for (const id of children) {
    messages.push(...asList(await client.messages(id, directory, signal)))
    messages.push(...(await messagesBelow({ ...reader, sessionId: id }, seen)))
  }
  return messages
}
