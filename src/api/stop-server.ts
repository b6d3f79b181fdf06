import { waitFor, type SnapshotFrom } from 'xstate'
import { runtimeOf } from '../actors/runtime.ts'
import { isWanted } from '../machines/context.ts'
import type { serverMachine } from '../machines/server-machine.ts'
import { stopSchema } from '../config/option-schema.ts'
import type { ServerActorRef } from './turn.ts'
import { parse } from '../config/validation.ts'

/** How a server is stopped. */
export interface StopOptions {
  /** Lets running turns finish for so long, in ms. Default 0. */
  drainMs?: number
}

/**
 * Stops the server of a machine, your own or an embedded one, and all that it started; turns end with `cancelled`. Resolves
 * once nothing of it runs or writes into its home; safe when not running. The machine stays: a turn starts it again.
 *
 * Rejects with `InvalidOptionsError` for a bad option, before anything is done.
 *
 * @example
 * const closing = fromPromise(({ input }: { input: ServerActorRef }) => stopServer(input, { drainMs: 30_000 }))
 */
export async function stopServer(actor: ServerActorRef, options: StopOptions = {}): Promise<void> {
  const { drainMs } = parse(stopSchema, options, 'option')
  const { status, context } = actor.getSnapshot()
  if (status === 'active') await endServer(actor, drainMs)
  await runtimeOf(context.runtime).preparing
}

/** Resolves once nothing runs, or what was stopped is gone and somebody has started it again. */
export async function endServer(actor: ServerActorRef, drainMs = 0): Promise<void> {
  actor.send({ type: 'server.stop', drainMs })
  await waitFor(actor, isStopped).catch(() => undefined)
}

const isStopped = (snapshot: SnapshotFrom<typeof serverMachine>): boolean =>
  snapshot.matches('idle') ||
  snapshot.matches('failed') ||
  (snapshot.matches('configuring') && isWanted(snapshot.context))
