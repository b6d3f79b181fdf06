import { OpenCodeRuntimeError } from '../../errors.ts'
import type { CompiledOptions } from '../../config/options.ts'
import { parsePrompt } from '../../io/opencode/session-wire.ts'
import { isFields, parseMessage, type WireMessage } from '../../io/opencode/wire.ts'
import { failureOf } from '../turn/reducer/failure.ts'
import { modelOf } from '../turn/model.ts'
import type { OperationPlan } from './operation.ts'
import { plainOperation } from './operations.ts'
import { readSession, type SessionReader } from './read-history.ts'
import { turnsIn } from './stored-turns.ts'
import { untilIdle } from './until-idle.ts'

const failure = 'The session could not be compacted'

/**
 * Replaces the context of a session by a summary, which the model of the last turn writes. A session without a turn is
 * left alone.
 *
 * @remarks Observed in opencode: a request for a summary is answered with success also if the model fails. The request
 * stays in the session, and the next prompt would write the summary instead of an answer, so the request is removed.
 */
export const compact = (options: CompiledOptions): OperationPlan<void> => ({
  ...plainOperation,
  usesDirectory: true,
  failure,
  limitMs: options.values.turnDeadlineMs,
  without: { value: undefined },
  async run(reader) {
    await untilIdle(reader)
    // A request of a server that died.
    await removeUnfinished(reader)
    const last = turnsIn((await readSession(reader)).messages).at(-1)
    if (!last) return
    const model = last.prompt.model ?? modelOf(undefined, options.values)
    await reader.client.sessions.compact(reader, model, reader.signal)
    const [error] = await removeUnfinished(reader)
    if (!error) return
    const { code, error: message } = failureOf(error, (text) => options.secrets.mask(text))
    throw new OpenCodeRuntimeError(`${failure}: ${code}: ${message}`)
  },
  async abort(reader) {
    await reader.client.abort(reader.sessionId, reader.directory, reader.signal)
    await removeUnfinished(reader)
  },
})

/** Removes the requests for a summary without a whole summary. Resolves with the errors of the removed summaries. */
async function removeUnfinished(reader: SessionReader): Promise<NonNullable<WireMessage['error']>[]> {
  const { messages } = await readSession(reader)
  const answers = messages
    .map((entry) => (isFields(entry) ? parseMessage(entry['info']) : undefined))
    .filter((message) => message?.role === 'assistant')
  const errors: NonNullable<WireMessage['error']>[] = []
  for (const entry of messages) {
    const prompt = parsePrompt(entry)
    if (prompt?.kind !== 'compaction') continue
    const summaries = answers.filter((message) => message?.parentId === prompt.id)
    if (summaries.some((summary) => summary?.finish !== undefined && !summary.error)) continue
    for (const summary of summaries) {
      if (summary?.error) errors.push(summary.error)
      if (summary) await reader.client.sessions.removeMessage(reader, summary.id, reader.signal)
    }
    await reader.client.sessions.removeMessage(reader, prompt.id, reader.signal)
  }
  return errors
}
