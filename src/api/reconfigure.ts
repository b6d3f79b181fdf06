import type { SnapshotFrom } from 'xstate'
import { runtimeOf } from '../actors/runtime.ts'
import { changeOptions, type CompiledOptions } from '../config/compiled-options.ts'
import { ReconfigureError, StoppedError } from '../errors.ts'
import type { ServerContext } from '../machines/context.ts'
import type { serverMachine } from '../machines/server-machine.ts'
import type { ReconfigureOptions } from '../config/options.ts'
import type { ServerActorRef } from './turn.ts'

type Snapshot = SnapshotFrom<typeof serverMachine>

/**
 * Gives a server another configuration: running turns finish (for up to the option `drainMs`), new ones wait, and it starts
 * again with it. Resolves once it is healthy with it; at once where nothing runs, or where the patch changes nothing.
 *
 * Rejects with `InvalidOptionsError` for a bad patch, before anything is done; with `ReconfigureError` where the server does
 * not come up with it, once the last configuration that was healthy is back (or could not be brought back either); with
 * `StoppedError` where `stop()` or `close()` comes between.
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
 * Returns the configuration that a patch changes: the last one that was asked for. One that is asked for while the machine
 * tells of a transition is not in its context yet.
 */
function latestOf({ options, runtime, pending = options, rolledBack }: ServerContext): CompiledOptions {
  const { latestOptions } = runtimeOf(runtime)
  const heard = Math.max(options.revision, pending.revision, rolledBack?.revision ?? 0)
  return latestOptions.revision > heard ? latestOptions : pending
}

/** Waits for what becomes of a configuration, or of one that was asked for after it. */
function watchRevision(actor: ServerActorRef, wanted: number): () => Promise<void> {
  const { stops } = actor.getSnapshot().context
  return () =>
    new Promise((resolve, reject) => {
      // One that has stopped meanwhile would tell so before there is a subscription to end.
      if (actor.getSnapshot().status !== 'active') return reject(stoppedBefore())
      let hasBegun = false
      const look = (): void => {
        const snapshot = actor.getSnapshot()
        const outcome = outcomeOf(snapshot, wanted, hasBegun)
        const isStopped = snapshot.status !== 'active' || snapshot.context.stops !== stops
        hasBegun ||= !isAtRest(snapshot)
        if (outcome === undefined && !isStopped) return
        subscription.unsubscribe()
        // One that was stopped before it was healthy rests with it, but nobody knows whether it comes up.
        if (outcome === 'used' && !isStopped) resolve()
        else reject(outcome instanceof ReconfigureError ? outcome : stoppedBefore())
      }
      const subscription = actor.subscribe({ next: look, complete: look, error: look })
      look()
    })
}

const stoppedBefore = (): StoppedError =>
  new StoppedError('The server was stopped before it had started again')

const isAtRest = (snapshot: Snapshot): boolean => snapshot.matches('idle') || snapshot.matches('failed')

/** `undefined` while nothing is certain. */
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
    return failure(isBack ? ', and the last healthy one is in use again' : '', rolledBack?.error)
  }
  if (hasBegun && snapshot.matches('failed'))
    return failure(options.revision >= wanted ? ', which the next start uses' : '', error)
  return isAtRest(snapshot) && options.revision >= wanted ? 'used' : undefined
}

const failure = (what: string, cause: Error | undefined): ReconfigureError =>
  new ReconfigureError(
    `The server did not come up with the new configuration${what}: ${cause?.message ?? 'it failed'}`,
    { cause },
  )
