import { waitFor, type SnapshotFrom } from 'xstate'
import { runtimeOf } from '../actors/runtime.ts'
import { isWanted } from '../machines/context.ts'
import type { ServerActorRef, serverMachine } from '../machines/server-machine.ts'
import { stopSchema } from '../config/option-schema.ts'
import { parse } from '../config/validation.ts'

/** Options of a stop. */
export interface StopOptions {
  /**
   * Time for running turns to finish, in ms.
   *
   * @defaultValue `0`
   */
  drainMs?: number
}

/**
 * Stops the server of a machine (your own or an embedded machine) and every process that it started.
 * Running turns end with `cancelled`. Resolves when no process of the server runs or writes into the home.
 * Does nothing if no server runs. The machine stays usable: the next turn starts the server again.
 *
 * @param actor - The actor of the server machine.
 * @param options - Time for running turns to finish.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option, before any change.
 *
 * @example
 * import { stopServer, type ServerActorRef } from 'opencode-runtime'
 * import { fromPromise } from 'xstate'
 *
 * export const closing = fromPromise(({ input }: { input: ServerActorRef }) =>
 *   stopServer(input, { drainMs: 30_000 }),
 * )
 */
export async function stopServer(actor: ServerActorRef, options: StopOptions = {}): Promise<void> {
  const { drainMs } = parse(stopSchema, options, 'option')
  const { status, context } = actor.getSnapshot()
  if (status === 'active') await endServer(actor, drainMs)
  await runtimeOf(context.runtime).preparing
}

/**
 * Sends `server.stop`. Resolves when no server runs, or when the stopped server has ended and a caller has
 * requested a new start.
 *
 * @internal
 */
export async function endServer(actor: ServerActorRef, drainMs = 0): Promise<void> {
  actor.send({ type: 'server.stop', drainMs })
  await waitFor(actor, isStopped).catch(() => undefined)
}

const isStopped = (snapshot: SnapshotFrom<typeof serverMachine>): boolean =>
  snapshot.matches('idle') ||
  snapshot.matches('failed') ||
  (snapshot.matches('configuring') && isWanted(snapshot.context))
