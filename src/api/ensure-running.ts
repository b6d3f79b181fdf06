import { onAbort } from '../util/abort-signal.ts'
import { clockOf, inputRead, punctualMs, roundsAfterPause } from '../actors/clock.ts'
import { StartTimeoutError, StoppedError } from '../errors.ts'
import { ensureRunningSchema } from '../config/option-schema.ts'
import type { SnapshotFrom } from 'xstate'
import type { serverMachine } from '../machines/server-machine.ts'
import type { ServerActorRef } from './turn.ts'
import { parse } from '../config/validation.ts'

/** How long to wait for a start, and what ends the wait. */
export interface EnsureRunningOptions {
  /** In ms; covers everything, restarts included. Default: the option `startTimeoutMs`. */
  deadlineMs?: number
  signal?: AbortSignal
}

/**
 * Resolves once the server is healthy; starts it if need be. Callers that come together share one start; one that
 * gives up leaves it to the others, and the last one to leave ends it.
 *
 * Rejects with `InvalidOptionsError` for a bad option, `StartTimeoutError` at the deadline, `signal.reason` on abort, `StoppedError` where `stop()` or
 * `close()` comes between, and with the failure itself (`BinaryNotFoundError`, `PortInUseError`, `RestartLimitError` …)
 * where the server fails.
 */
export async function ensureRunning(
  actor: ServerActorRef,
  options: EnsureRunningOptions = {},
): Promise<void> {
  const { context, status } = actor.getSnapshot()
  const { deadlineMs = context.options.values.startTimeoutMs, signal } = parse(
    ensureRunningSchema,
    options,
    'option',
  )
  signal?.throwIfAborted()
  if (status !== 'active') throw new StoppedError('The server was closed')
  const leaseId = crypto.randomUUID()
  const clock = clockOf(actor.system)

  return new Promise<void>((resolve, reject) => {
    let isSent = false
    let isSettled = false
    const settle = (act: () => void): void => {
      isSettled = true
      subscription.unsubscribe()
      clock.clearTimeout(timer)
      stopListening()
      act()
    }
    const leave = (error: Error): void =>
      settle(() => {
        actor.send({ type: 'server.release', leaseId })
        reject(error)
      })
    const look = (): void => {
      const snapshot = actor.getSnapshot()
      if (snapshot.status !== 'active' || snapshot.context.stops !== context.stops)
        settle(() => reject(new StoppedError('The server was stopped before it was healthy')))
      else if (isServing(snapshot)) settle(resolve)
      else if (snapshot.matches('failed')) {
        const { error } = snapshot.context
        settle(() => reject(error ?? new StoppedError('The server failed')))
      }
    }

    // Subscribed before the event is sent, and asked once after: no state is missed.
    const subscription = actor.subscribe({ next: () => isSent && look(), complete: look, error: look })
    const startedAt = clock.now()
    const onDeadline = async (): Promise<void> => {
      // The server's answer may wait to be read.
      const lateMs = clock.now() - startedAt - deadlineMs
      await inputRead(lateMs > punctualMs ? roundsAfterPause : 1)
      if (!isSettled) leave(timedOut(actor, deadlineMs))
    }
    const timer = clock.setTimeout(() => void onDeadline(), deadlineMs)
    const stopListening = onAbort(signal, () => leave(signal?.reason as Error))
    actor.send({ type: 'server.start', leaseId })
    isSent = true
    look()
  })
}

/** One that drains to be stopped is about to go: its next start is waited for. One that is to be replaced serves all who come. */
const isServing = (snapshot: SnapshotFrom<typeof serverMachine>): boolean =>
  snapshot.matches({ healthy: { service: 'open' } }) ||
  (snapshot.matches('healthy') && snapshot.context.ending === 'replacement')

function timedOut(actor: ServerActorRef, deadlineMs: number): StartTimeoutError {
  const { value, context } = actor.getSnapshot()
  const at = typeof value === 'string' ? value : Object.keys(value)[0]
  const last = context.error ?? context.probeError
  const why =
    last === undefined
      ? ''
      : `; last: ${context.options.secrets.mask(last instanceof Error ? last.message : last)}`
  return new StartTimeoutError(
    `The server was not healthy within ${deadlineMs} ms (it is ${at ?? 'unknown'}${why})`,
    {
      cause: context.error,
    },
  )
}
