import { fromPromise } from 'xstate'
import type { OpenCodeClient } from '../../io/opencode/client.ts'
import { withoutSecrets } from '../../config/masked-error.ts'
import { runtimeOf, type ServerInput } from '../runtime.ts'
import { isFields } from '../../io/opencode/wire.ts'

/**
 * Aborts the server's work before the server itself is stopped. A server that is known to be idle is not
 * asked.
 *
 * @remarks Observed in opencode 1.18.33: bash tools run in process sessions of their own, which a group
 * signal does not reach; abort and dispose end these tools.
 */
export const dispose = fromPromise<undefined, ServerInput>(async ({ input, signal }) => {
  await withoutSecrets(input.options.secrets, () => endWork(input, signal))
  return undefined
})

async function endWork({ runtime }: ServerInput, signal: AbortSignal): Promise<void> {
  const { connection, directories, isQuiet } = runtimeOf(runtime)
  if (!connection || isQuiet) return
  const places = [...new Set([...directories, connection.directory])]
  const busy = (await Promise.all(places.map((place) => busyIn(connection.client, place, signal)))).flat()
  if (busy.length === 0) return
  await Promise.allSettled(busy.map(({ id, place }) => connection.client.abort(id, place, signal)))
  await connection.client.dispose(signal)
}

async function busyIn(client: OpenCodeClient, place: string, signal: AbortSignal) {
  const status = await client.status(place, signal)
  return isFields(status) ? Object.keys(status).map((id) => ({ id, place })) : []
}

/**
 * Kills the remaining processes of a spawn and returns their number; the machine repeats the sweep until the
 * number is 0.
 */
export const sweep = fromPromise<{ left: number }, ServerInput>(({ input }) =>
  Promise.resolve({ left: runtimeOf(input.runtime).process?.sweep() ?? 0 }),
)
