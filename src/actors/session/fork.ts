import { InvalidOptionsError, OpenCodeRuntimeError } from '../../errors.ts'
import { asksForStructure, isStructured, type WireSession } from '../../io/opencode/session-wire.ts'
import type { OperationPlan } from './operation.ts'
import { plainOperation } from './operations.ts'
import { readSession } from './read-history.ts'
import { turnsIn, type StoredTurn } from './stored-turns.ts'

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
    const copied = before === undefined ? messages : messagesOf(turnsBefore(messages, before, session.id))
    const end = before ?? session.revert?.messageId
    if (copied.some((entry) => asksForStructure(entry) || isStructured(entry)))
      throw new OpenCodeRuntimeError(`${failure}: opencode cannot copy a turn with a typed answer (output)`)
    return reader.client.sessions.fork(reader, end, reader.signal)
  },
})

const messagesOf = (turns: readonly StoredTurn[]): unknown[] => turns.flatMap(({ entries }) => entries)

/** Returns the turns before a turn, which its message names. A message that is no prompt would cut a turn in two. */
function turnsBefore(messages: readonly unknown[], messageId: string, sessionId: string): StoredTurn[] {
  const turns = turnsIn(messages)
  const at = turns.findIndex(({ prompt }) => prompt.id === messageId)
  if (at >= 0) return turns.slice(0, at)
  throw new InvalidOptionsError(
    `Invalid option before: expected the messageId of a turn of session ${sessionId}, got ${JSON.stringify(messageId)}`,
  )
}
