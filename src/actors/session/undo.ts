import { parseSession } from '../../io/opencode/session-wire.ts'
import type { OperationPlan } from './operation.ts'
import { plainOperation } from './operations.ts'
import { allMessages, messagesBefore, readSession, type SessionReader } from './read-history.ts'
import { turnsIn } from './stored-turns.ts'
import { untilIdle } from './until-idle.ts'

/** Result of {@link undo}. */
export interface Undone {
  /** True if the server also took back the changes of files, because the directory is inside a git repository. */
  files: boolean
}

/**
 * Takes back the last turn of a session. The server repeats the same revert after a restart, because the turn is chosen
 * once.
 */
export function undo(): OperationPlan<Undone> {
  let messageId: string | undefined
  return {
    ...plainOperation,
    usesDirectory: true,
    failure: 'The last turn could not be taken back',
    without: { value: { files: false } },
    async run(reader) {
      await untilIdle(reader)
      messageId ??= turnsIn((await readSession(reader)).messages).at(-1)?.prompt.id
      if (messageId === undefined) return { files: false }
      return { files: await revert(reader, messageId) }
    },
  }
}

/** Puts back the turn that was taken back last. */
export function redo(): OperationPlan<void> {
  let step: { until: string | undefined } | undefined
  return {
    ...plainOperation,
    usesDirectory: true,
    failure: 'The turn could not be put back',
    without: { value: undefined },
    async run(reader) {
      await untilIdle(reader)
      step ??= await nextStep(reader)
      if (step?.until !== undefined) await revert(reader, step.until)
      else if (step) await reader.client.sessions.unrevert(reader, reader.signal)
    },
  }
}

/** Reverts a session, and resolves with whether the server also put the files back. */
async function revert(
  { client, sessionId, directory, signal }: SessionReader,
  messageId: string,
): Promise<boolean> {
  const session = parseSession(await client.revert(sessionId, directory, messageId, signal))
  return session?.revert?.hasFiles ?? false
}

/**
 * Resolves with the message before which the session stays reverted when one turn is put back; without a message if no
 * turn stays taken back. Resolves with `undefined` if the session is not reverted.
 */
async function nextStep(reader: SessionReader): Promise<{ until: string | undefined } | undefined> {
  const { revert } = await reader.client.sessions.read(reader, reader.signal)
  if (!revert) return undefined
  const all = await allMessages(reader)
  const left = all.slice(messagesBefore(all, revert.messageId).length)
  return { until: turnsIn(left)[1]?.prompt.id }
}
