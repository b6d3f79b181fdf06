import { OpenCodeRuntimeError } from '../../errors.ts'
import type { CompiledOptions } from '../../config/options.ts'
import { isFields, parseMessage } from '../../io/opencode/wire.ts'
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
 */
export const compact = (options: CompiledOptions): OperationPlan<void> => ({
  ...plainOperation,
  usesDirectory: true,
  isRepeatable: false,
  failure,
  limitMs: options.values.turnDeadlineMs,
  without: { value: undefined },
  async run(reader) {
    await untilIdle(reader)
    const last = turnsIn((await readSession(reader)).messages).at(-1)
    if (!last) return
    await requestSummary(reader, last.prompt.model ?? modelOf(undefined, options.values))
    await checkSummary(reader, options)
  },
})

/** Requests the summary. If the wait for the summary ends, the model's work is aborted. */
async function requestSummary(
  { client, sessionId, directory, signal }: SessionReader,
  model: { providerId: string; modelId: string },
): Promise<void> {
  try {
    await client.sessions.compact({ sessionId, directory }, model, signal)
  } catch (error) {
    if (signal.aborted) await client.abort(sessionId, directory).catch(() => undefined)
    throw error
  }
}

/**
 * Throws the error of a summary that failed.
 *
 * @remarks Observed in opencode: the request for a summary is answered with success also if the model fails.
 */
async function checkSummary(reader: SessionReader, options: CompiledOptions): Promise<void> {
  const { messages } = await readSession(reader)
  const summary = messages
    .map((entry) => (isFields(entry) ? parseMessage(entry['info']) : undefined))
    .findLast((message) => message?.role === 'assistant')
  if (!summary?.error) return
  const { code, error } = failureOf(summary.error, (text) => options.secrets.mask(text))
  throw new OpenCodeRuntimeError(`${failure}: ${code}: ${error}`)
}
