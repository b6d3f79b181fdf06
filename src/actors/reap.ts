import { fromPromise } from 'xstate'
import type { OpenCodeClient } from '../io/client.ts'
import { withoutSecrets } from '../masked-error.ts'
import type { CompiledOptions } from '../options.ts'
import { runtimeOf } from './runtime.ts'
import { isFields } from './wire.ts'

/**
 * Ends what a server is busy with before it is ended itself: bash tools run in sessions of their own, which no group
 * signal reaches (opencode 1.18.33: abort and dispose end them). An idle server has nothing to dispose of.
 */
export const dispose = fromPromise<undefined, { options: CompiledOptions }>(
  async ({ input: { options }, signal }) => {
    await withoutSecrets(options.secrets, () => endWork(options, signal))
    return undefined
  },
)

async function endWork(options: CompiledOptions, signal: AbortSignal): Promise<void> {
  const { link, directories } = runtimeOf(options)
  if (!link) return
  const places = [...new Set([...directories, link.directory])]
  const busy = (await Promise.all(places.map((place) => busyIn(link.client, place, signal)))).flat()
  if (busy.length === 0) return
  await Promise.allSettled(busy.map(({ id, place }) => link.client.abort(id, place, signal)))
  await link.client.dispose(signal)
}

async function busyIn(client: OpenCodeClient, place: string, signal: AbortSignal) {
  const status = await client.status(place, signal)
  return isFields(status) ? Object.keys(status).map((id) => ({ id, place })) : []
}

/** Kills what is left of a spawn, and tells how many processes that were: asked again until it is none. */
export const sweep = fromPromise<{ left: number }, { options: CompiledOptions }>(({ input: { options } }) =>
  Promise.resolve({ left: runtimeOf(options).process?.sweep() ?? 0 }),
)
