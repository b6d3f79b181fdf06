import { shownEndpoint } from '../../io/opencode/endpoint.ts'
import { secretOptions } from '../../config/compiled-options.ts'
import type { CompiledOptions } from '../../config/options.ts'
import type { Runtime } from '../runtime.ts'
import { historyOf, type HistoryTurn } from './history.ts'
import type { OperationPlan } from './operation.ts'
import { readStored } from './read-history.ts'

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
    return historyOf(await readStored(target), {
      mask: (text) => options.secrets.mask(text),
      endpointOf: (providerId) =>
        isForeign || providerId !== proxy.providerId
          ? undefined
          : shownEndpoint(secretOptions(options).baseURL),
      turnIdOf: (messageId) => runtime.turnIds.get(messageId),
    })
  },
})

/** Changes the title of a session. */
export const rename = (title: string): OperationPlan<void> => ({
  ...plainOperation,
  failure: 'The session could not be renamed',
  run: (target) => target.client.sessions.rename(target, title, target.signal),
})
