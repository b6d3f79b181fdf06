import { fromPromise } from 'xstate'
import { HttpError, type PromptPart } from '../../io/opencode/client.ts'
import { withoutSecrets } from '../../config/masked-error.ts'
import type { CompiledOptions } from '../../config/options.ts'
import { clockOf, elapse, type SystemClock } from '../clock.ts'
import { createSession } from './create-session.ts'
import { ownDirectory } from './directory-policy.ts'
import { runtimeOf, type ServerConnection, type Runtime, type ServerInput } from '../runtime.ts'
import { asList, isFields } from '../../io/opencode/wire.ts'

/**
 * Title of warm-up sessions, by which a later warm-up finds sessions that an interrupted warm-up did not
 * delete.
 */
export const warmUpTitle = 'opencode-runtime warm-up'

/**
 * Prompt part that no model accepts, so that the turn runs until the request to the model, which cannot be
 * built.
 *
 * @remarks Observed in opencode, `@ai-sdk/openai-compatible`: "'file part media type …' functionality
 * not supported".
 */
const unsupportedPart: PromptPart = {
  type: 'file',
  mime: 'application/x-opencode-runtime-warm-up',
  url: 'data:application/x-opencode-runtime-warm-up;base64,eA==',
}

/**
 * Deletion of the session: number of attempts, time limit of each attempt, and wait between two attempts, in
 * ms.
 */
const deleteAttempts = 3
const deleteTimeoutMs = 2_000
const deleteRetryMs = 250

/**
 * Runs a turn that never reaches the model, so that the server has loaded what its first turn needs. The
 * turn's session is deleted afterwards, and so is a session that an interrupted warm-up left. A failure has
 * no consequence, because the first turn then loads the rest itself. A stopped warm-up still deletes its
 * session, within seconds.
 */
export const warmUp = fromPromise<undefined, ServerInput>(
  async ({ input: { options, runtime: handle }, system, signal }) => {
    const runtime = runtimeOf(handle)
    const { connection } = runtime
    const task = connection && { connection, options, runtime, clock: clockOf(system), signal }
    if (task) await withoutSecrets(options.secrets, () => runWarmUp(task))
    return undefined
  },
)

interface WarmUpTask {
  connection: ServerConnection
  options: CompiledOptions
  runtime: Runtime
  clock: SystemClock
  signal: AbortSignal
}

async function runWarmUp(task: WarmUpTask): Promise<void> {
  const { connection, options, runtime, signal } = task
  const { client, policy, directory } = connection
  const { models, proxy } = options.values
  const found = asList(await client.findSessions(directory, warmUpTitle, signal)).flatMap(titledSession)
  for (const { id, title } of found) if (title === warmUpTitle) await deleteSession(task, id)
  const model = models[0]
  if (!model || runtime.hasWarmUpReachedModel || signal.aborted) return
  // The request has no signal, because the session's id is needed to delete the session.
  const terms = { client, policy, named: { ...ownDirectory(options), directory }, title: warmUpTitle }
  const { id } = await createSession(terms)
  try {
    signal.throwIfAborted()
    const prompt = { model: { providerId: proxy.providerId, modelId: model.id }, parts: [unsupportedPart] }
    const answer = await client.promptAndWait(id, directory, prompt, signal)
    if (!isRefusal(answer)) runtime.hasWarmUpReachedModel = true
  } finally {
    await deleteSession(task, id)
  }
}

/** Deletes a session, even if the session is busy; never rejects. */
async function deleteSession(task: WarmUpTask, sessionId: string): Promise<void> {
  for (let tries = 0; tries < deleteAttempts; tries++) {
    if (await tryDelete(task, sessionId)) return
    await elapse(task.clock, deleteRetryMs)
  }
}

async function tryDelete({ connection, clock, signal }: WarmUpTask, sessionId: string): Promise<boolean> {
  const { client, directory } = connection
  const limit = new AbortController()
  const timer = clock.setTimeout(() => limit.abort(), deleteTimeoutMs)
  try {
    // A deletion does not end running work (opencode).
    if (signal.aborted) await client.abort(sessionId, directory, limit.signal)
    await client.deleteSession(sessionId, directory, limit.signal)
    return true
  } catch (error) {
    return error instanceof HttpError && error.status === 404
  } finally {
    clock.clearTimeout(timer)
  }
}

function titledSession(session: unknown): { id: string; title: string }[] {
  if (!isFields(session)) return []
  const { id, title } = session
  return typeof id === 'string' && typeof title === 'string' ? [{ id, title }] : []
}

/** Returns whether the turn ended in an error, as intended. */
const isRefusal = (answer: unknown): boolean =>
  isFields(answer) && isFields(answer['info']) && answer['info']['error'] !== undefined
