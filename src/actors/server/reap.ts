import { fromPromise } from 'xstate'
import type { OpenCodeClient } from '../../io/opencode/client.ts'
import { withoutSecrets } from '../../config/masked-error.ts'
import { runtimeOf, type ServerInput } from '../runtime.ts'
import { isFields } from '../../io/opencode/wire.ts'

/**
 * Aborts the server's work before the server itself is stopped. A server that is known to be idle is not
 * asked.
 *
 * @remarks Observed in opencode: bash tools run in process sessions of their own, which a group
 * signal does not reach; abort and dispose end these tools.
 */
export const dispose = fromPromise<undefined, ServerInput>(async ({ input, signal }) => {
  await withoutSecrets(input.options.secrets, () => endWork(input, signal))
  return undefined
})

async function endWork({ runtime }: ServerInput, signal: AbortSignal): Promise<void> {
  const { connection, directories, isQuiet } = runtimeOf(runtime)
  if (!connection || isQuiet) return
  const all = [...new Set([...directories, connection.directory])]
  const busy = (
    await Promise.all(all.map((directory) => busyIn(connection.client, directory, signal)))
  ).flat()
  if (busy.length === 0) return
  await Promise.allSettled(busy.map(({ id, directory }) => connection.client.abort(id, directory, signal)))
  await connection.client.dispose(signal)
}

async function busyIn(client: OpenCodeClient, directory: string, signal: AbortSignal) {
  const status = await client.status(directory, signal)
  return isFields(status) ? Object.keys(status).map((id) => ({ id, directory })) : []
}

/**
 * Kills the remaining processes of a spawn and returns their number; the machine repeats the sweep until the
 * number is 0.
 */
export const sweep = fromPromise<{ left: number }, ServerInput>(({ input }) =>
  Promise.resolve({ left: runtimeOf(input.runtime).process?.sweep() ?? 0 }),
)
