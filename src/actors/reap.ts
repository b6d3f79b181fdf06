import { fromPromise } from 'xstate'
import { withoutSecrets } from '../masked-error.ts'
import { runtimeOf, type ServerInput } from './runtime.ts'

/**
 * Ends what a server is busy with before it is ended itself: bash tools run in sessions of their own, which no group
 * signal reaches (opencode 1.18.33: abort and dispose end them). An idle server has nothing to dispose of.
 */
export const dispose = fromPromise<undefined, ServerInput>(async ({ input, signal }) => {
  await withoutSecrets(input.options.secrets, () => endWork(input, signal))
  return undefined
})

async function endWork({ options, runtime }: ServerInput, signal: AbortSignal): Promise<void> {
  const { link, directories } = runtimeOf(runtime)
  if (!link) return
  const places = new Set([...directories, options.values.directory])
  const statuses = await Promise.all([...places].map((place) => link.client.status(place, signal)))
  const busy = statuses.flatMap((status) =>
    typeof status === 'object' && status !== null ? Object.keys(status) : [],
  )
  if (busy.length === 0) return
  await Promise.allSettled(busy.map((sessionId) => link.client.abort(sessionId, signal)))
  await link.client.dispose(signal)
}

/** Kills what is left of a spawn, and tells how many processes that were: asked again until it is none. */
export const sweep = fromPromise<{ left: number }, ServerInput>(({ input }) =>
  Promise.resolve({ left: runtimeOf(input.runtime).process?.sweep() ?? 0 }),
)
