import { parsePrompt } from '../../io/opencode/session-wire.ts'
import { newMessageId } from '../turn/message-id.ts'
import type { OperationPlan } from './operation.ts'
import { plainOperation } from './operations.ts'
import { allMessages, type SessionReader } from './read-history.ts'
import { untilIdle } from './until-idle.ts'

/**
 * Adds a text to a session as a message of the user, which no model answers. A session that another client uses is
 * added to when it is idle, because opencode would answer the text otherwise. After the death of a server, the next
 * server adds the text only if the session does not have it yet.
 */
export function note(text: string, agent: string | undefined): OperationPlan<void> {
  const messageId = newMessageId()
  let wasSent = false
  return {
    ...plainOperation,
    usesDirectory: true,
    failure: 'The note could not be added',
    async run(reader) {
      await untilIdle(reader)
      if (wasSent && (await hasNote(reader, messageId))) return
      wasSent = true
      await reader.client.sessions.note(reader, { messageId, text, agent }, reader.signal)
    },
  }
}

/** Resolves with whether a session has a note with its text: a server that died may have stored it without. */
async function hasNote(reader: SessionReader, messageId: string): Promise<boolean> {
  const prompts = (await allMessages(reader)).map(parsePrompt)
  return prompts.some((prompt) => prompt?.id === messageId && prompt.kind === 'note')
}
