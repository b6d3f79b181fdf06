import { InvalidOptionsError } from '../../errors.ts'
import type { WireSession } from '../../io/opencode/session-wire.ts'
import type { OperationPlan } from './operation.ts'
import { plainOperation } from './operations.ts'
import { messagesBefore, readSession } from './read-history.ts'

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
  failure: 'The session could not be forked',
  async run(reader) {
    const { session, messages } = await readSession(reader)
    if (before !== undefined && messagesBefore(messages, before).length === messages.length)
      throw new InvalidOptionsError(
        `Invalid option before: expected the messageId of a turn of session ${session.id}, got ${JSON.stringify(before)}`,
      )
    return reader.client.sessions.fork(reader, before ?? session.revert?.messageId, reader.signal)
  },
})
