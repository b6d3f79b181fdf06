import { HttpError } from './transport.ts'
import { asList, isFields, parseMessage } from './wire.ts'

/** Answer of `GET /session/{id}/message` to a query. */
type Read = (query: Record<string, string>) => Promise<{
  body: unknown
  headers: Readonly<Record<string, string | string[] | undefined>>
}>

/** Session whose messages are read, and the message from which on they are needed. */
export interface MessagesOf {
  sessionId: string
  since: string
}

/**
 * Resolves with the messages of a session, oldest first. If the server cannot list all of them, reads one message
 * after another, from the newest back to `since`.
 *
 * @remarks Observed in opencode 1.18.33: a list that includes a prompt with a `format` answers 400, because the
 *   server cannot encode the stored format. A page is not encoded while an older page remains, so only a page with
 *   the oldest message fails. The header `x-next-cursor` is the `before` of the next older page.
 */
export async function readMessages(read: Read, { sessionId, since }: MessagesOf): Promise<unknown> {
  try {
    return (await read({})).body
  } catch (error) {
    if (!isUnreadable(error)) throw error
    return readBack(read, { sessionId, since })
  }
}

async function readBack(read: Read, { sessionId, since }: MessagesOf): Promise<unknown[]> {
  const messages: unknown[] = []
  let before: string | undefined
  do {
    const page = await readOne(read, before)
    // The oldest message of the session is a prompt with a format. It was not reached, so it is `since`.
    if (!page) return [{ info: { id: since, role: 'user', sessionID: sessionId }, parts: [] }, ...messages]
    messages.unshift(...page.messages)
    before = page.next
  } while (before !== undefined && !isReached(messages[0], since))
  return messages
}

/** Resolves with one message and the cursor of the next older one; `undefined` if it cannot be read. */
async function readOne(read: Read, before: string | undefined) {
  try {
    const { body, headers } = await read({ limit: '1', ...(before !== undefined && { before }) })
    const next = headers['x-next-cursor']
    return { messages: asList(body), next: typeof next === 'string' ? next : undefined }
  } catch (error) {
    if (!isUnreadable(error)) throw error
    return undefined
  }
}

const isUnreadable = (error: unknown): boolean => error instanceof HttpError && error.status === 400

/**
 * Returns whether a message is the one with this id, or an older prompt. Only prompts are compared, because the
 * client makes their ids; those of answers come from the server, whose clock may differ.
 */
function isReached(entry: unknown, since: string): boolean {
  const message = isFields(entry) ? parseMessage(entry['info']) : undefined
  return message?.role === 'user' && message.id <= since
}
