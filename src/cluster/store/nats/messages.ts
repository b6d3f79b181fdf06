import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream'
import { asStoreError, isNoMessage } from './faults.ts'

/** Reads the last message of a subject from the leader of its stream; `undefined` for none. */
export const lastMessage = (
  manager: JetStreamManager,
  stream: string,
  subject: string,
): Promise<StoredMsg | undefined> => found(manager.streams.getMessage(stream, { last_by_subj: subject }))

/** Reads the first message of a subject from a number on, from the leader of its stream; `undefined` for none. */
export function nextMessage(
  manager: JetStreamManager,
  stream: string,
  subject: string,
  from: number,
): Promise<StoredMsg | undefined> {
  // The types of the client know this query for reads from any replica only.
  const query = { next_by_subj: subject, seq: from }
  return found(manager.streams.getMessage(stream, query))
}

async function found(message: Promise<StoredMsg | null>): Promise<StoredMsg | undefined> {
  try {
    return (await message) ?? undefined
  } catch (error) {
    if (isNoMessage(error)) return undefined
    throw asStoreError(error)
  }
}
