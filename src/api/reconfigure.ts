import type { SnapshotFrom } from 'xstate'
import { runtimeOf } from '../actors/runtime.ts'
import { changeOptions, type CompiledOptions } from '../config/compiled-options.ts'
import { ReconfigureError, StoppedError } from '../errors.ts'
import type { ServerContext } from '../machines/context.ts'
import type { ServerActorRef, serverMachine } from '../machines/server-machine.ts'
import type { ReconfigureOptions } from '../config/options.ts'

type Snapshot = SnapshotFrom<typeof serverMachine>

/**
 * Applies a new configuration to a server and restarts the server with it.
 * Running turns finish (for at most the option `drainMs`); new turns wait. Resolves when the server is
 * healthy with the new configuration. Resolves immediately if no server runs or the patch changes nothing.
 *
 * @param actor - The actor of the server machine.
 * @param patch - The options to change.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad patch, before any change.
 * @throws ReconfigureError (`ERR_OPENCODE_RECONFIGURE`) if the server does not become healthy. Rejects only
 * when the last healthy configuration is back, or when the return to that configuration has failed too.
 * @throws StoppedError (`ERR_OPENCODE_STOPPED`) if `stop()` or `close()` is called meanwhile.
 */
export async function reconfigure(actor: ServerActorRef, patch: ReconfigureOptions): Promise<void> {
  const { context, status } = actor.getSnapshot()
  if (status !== 'active') throw new StoppedError('The server was closed')
  const runtime = runtimeOf(context.runtime)
  const latest = latestOf(context)
  const changed = changeOptions(latest, patch, runtime.latestOptions.revision + 1)
  if (!changed && latest.revision === (context.lastHealthy?.revision ?? 0)) return
  // If the same configuration is pending already, this call waits for it.
  const wanted = changed ?? latest
  if (changed) runtime.latestOptions = changed
  const watch = watchRevision(actor, wanted.revision)
  if (changed) actor.send({ type: 'server.reconfigure', options: changed })
  return watch()
}

/**
 * Replaces the whole configuration of a server, as {@link reconfigure} changes a part of it.
 *
 * @internal
 */
export async function replaceOptions(
  actor: ServerActorRef,
  change: (before: CompiledOptions) => CompiledOptions,
): Promise<void> {
  const runtime = runtimeOf(actor.getSnapshot().context.runtime)
  const changed = change(runtime.latestOptions)
  runtime.latestOptions = changed
  const watch = watchRevision(actor, changed.revision)
  actor.send({ type: 'server.reconfigure', options: changed })
  return watch()
}

/**
 * Returns the configuration that a patch changes: the last requested configuration.
 * The machine's context may lack it: a request made while the machine emits a transition is not in the
 * context yet.
 */
function latestOf({ options, runtime, pending = options, rolledBack }: ServerContext): CompiledOptions {
  const { latestOptions } = runtimeOf(runtime)
  const known = Math.max(options.revision, pending.revision, rolledBack?.revision ?? 0)
  return latestOptions.revision > known ? latestOptions : pending
}

/**
 * Returns a function that waits for the outcome of a configuration, or of a later requested configuration.
 */
function watchRevision(actor: ServerActorRef, wanted: number): () => Promise<void> {
  const { stops } = actor.getSnapshot().context
  return () =>
    new Promise((resolve, reject) => {
      // A stopped actor would call `check` before `subscription` is assigned.
      if (actor.getSnapshot().status !== 'active') return reject(stoppedBefore())
      let hasBegun = false
      const check = (): void => {
        const snapshot = actor.getSnapshot()
        const outcome = outcomeOf(snapshot, wanted, hasBegun)
        const isStopped = snapshot.status !== 'active' || snapshot.context.stops !== stops
        hasBegun ||= !isAtRest(snapshot)
        if (outcome === undefined && !isStopped) return
        subscription.unsubscribe()
        // A server stopped before it was healthy keeps the configuration, but no start has confirmed it.
        if (outcome === 'used' && !isStopped) resolve()
        else reject(outcome instanceof ReconfigureError ? outcome : stoppedBefore())
      }
      const subscription = actor.subscribe({ next: check, complete: check, error: check })
      check()
    })
}

const stoppedBefore = (): StoppedError =>
  new StoppedError('The server was stopped before it had started again')

const isAtRest = (snapshot: Snapshot): boolean => snapshot.matches('idle') || snapshot.matches('failed')

/** Returns the outcome of a configuration, or `undefined` while the outcome is open. */
function outcomeOf(
  snapshot: Snapshot,
  wanted: number,
  hasBegun: boolean,
): 'used' | ReconfigureError | undefined {
  const { options, lastHealthy, pending, rolledBack, error } = snapshot.context
  const isSettled = isAtRest(snapshot) || snapshot.matches('healthy')
  if (!isSettled || pending !== undefined) return undefined
  if ((lastHealthy?.revision ?? -1) >= wanted) return 'used'
  if ((rolledBack?.revision ?? -1) >= wanted) {
    const isBack = snapshot.matches('healthy')
    return failure(isBack ? ', and the last healthy configuration is in use again' : '', rolledBack?.error)
  }
  if (hasBegun && snapshot.matches('failed'))
    return failure(options.revision >= wanted ? ', which the next start uses' : '', error)
  return isAtRest(snapshot) && options.revision >= wanted ? 'used' : undefined
}

const failure = (detail: string, cause: Error | undefined): ReconfigureError =>
  new ReconfigureError(
    `The server did not become healthy with the new configuration${detail}: ${cause?.message ?? 'it failed'}`,
    { cause },
  )
