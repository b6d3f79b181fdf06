import { InvalidOptionsError, OpenCodeRuntimeError } from '../../errors.ts'
import { asksForStructure, isStructured, type WireSession } from '../../io/opencode/session-wire.ts'
import type { OperationPlan } from './operation.ts'
import { plainOperation } from './operations.ts'
import { messagesBefore, readSession } from './read-history.ts'

const failure = 'The session could not be forked'

/**
 * Makes a session from the messages before a message, or from all messages. Messages that were taken back are left out.
 *
 * @remarks Observed in opencode: a fork with an unknown message holds all messages, so the message is checked here.
 */
export const fork = (before: string | undefined): OperationPlan<WireSession> => ({
  ...plainOperation,
  usesDirectory: true,
  // A repeated request would make a second session.
  isRepeatable: false,
  failure,
  async run(reader) {
    const { session, messages } = await readSession(reader)
    if (before !== undefined && messagesBefore(messages, before).length === messages.length)
      throw new InvalidOptionsError(
        `Invalid option before: expected the messageId of a turn of session ${session.id}, got ${JSON.stringify(before)}`,
      )
    const end = before ?? session.revert?.messageId
    if (messagesBefore(messages, before).some((entry) => asksForStructure(entry) || isStructured(entry)))
      throw new OpenCodeRuntimeError(`${failure}: opencode cannot copy a turn with a typed answer (output)`)
    return reader.client.sessions.fork(reader, end, reader.signal)
  },
})
