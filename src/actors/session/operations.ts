import { shownEndpoint } from '../../io/opencode/endpoint.ts'
import { secretOptions } from '../../config/compiled-options.ts'
import type { CompiledOptions } from '../../config/options.ts'
import type { Runtime } from '../runtime.ts'
import { historyOf, type HistoryTurn } from './history.ts'
import type { OperationPlan, OperationTarget } from './operation.ts'
import { mayRun, readSession, readStored } from './read-history.ts'
import { untilIdle } from './until-idle.ts'

/** Time limit of a request that asks no model, in ms. */
export const requestTimeoutMs = 30_000

/** Properties of most operations: repeatable, and without loading the session's directory. */
export const plainOperation = {
  usesDirectory: false,
  isRepeatable: true,
  limitMs: requestTimeoutMs,
}

/** Reads the turns of a session. */
export const readHistory = (options: CompiledOptions, runtime: Runtime): OperationPlan<HistoryTurn[]> => ({
  ...plainOperation,
  failure: 'The history could not be read',
  without: { value: [] },
  async run(target) {
    const { proxy } = options.values
    // A server that this host does not manage has endpoints of its own.
    const isForeign = target.connection.directory === ''
    const endpoint = isForeign ? undefined : shownEndpoint(secretOptions(options).baseURL)
    return historyOf(await readStored(target, await endedMessages(target, runtime)), {
      mask: (text) => options.secrets.mask(text),
      endpointOf: (providerId) => (providerId === proxy.providerId ? endpoint : undefined),
      turnIdOf: (messageId) => runtime.turnIds.get(messageId),
      hostTools: Object.keys(options.values.hostTools),
    })
  },
})

/** Resolves with the messages of a session when no other client runs a turn of the session. */
async function endedMessages(target: OperationTarget, { directories }: Runtime): Promise<unknown[]> {
  const { session, messages } = await readSession(target)
  const { directory } = session
  // Status is known per directory. The request would load the directory if no turn has used the directory yet.
  const mayAsk = target.directory === undefined || directories.has(directory)
  if (!mayRun(messages) || !mayAsk) return messages
  await untilIdle({ ...target, directory })
  return (await readSession(target)).messages
}

/** Changes the title of a session. */
export const rename = (title: string): OperationPlan<void> => ({
  ...plainOperation,
  failure: 'The session could not be renamed',
  run: (target) => target.client.sessions.rename(target, title, target.signal),
})
