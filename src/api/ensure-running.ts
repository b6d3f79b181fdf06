import { onAbort } from '../util/abort-signal.ts'
import { clockOf, inputRead, punctualMs, roundsAfterPause } from '../actors/clock.ts'
import { StartTimeoutError, StoppedError } from '../errors.ts'
import { ensureRunningSchema } from '../config/option-schema.ts'
import type { SnapshotFrom } from 'xstate'
import type { ServerActorRef, serverMachine } from '../machines/server-machine.ts'
import { parse } from '../config/validation.ts'
import { deferral } from '../machines/context.ts'

/** Longest wait for a place in a fleet, in ms, unless the caller sets a deadline. */
const placeWaitMs = 30_000

/** Limits of the wait for a start. */
export interface EnsureRunningOptions {
  /**
   * Time limit in ms, including restarts.
   *
   * @defaultValue the option `startTimeoutMs`; an agent of a fleet waits at most 30 s for a place
   */
  deadlineMs?: number
  /** Signal that ends the wait of this caller. */
  signal?: AbortSignal
}

/**
 * Starts the server if necessary. Resolves when the server is healthy.
 * Concurrent callers share one start. The deadline or signal of one caller rejects only that caller; the start
 * is cancelled when no caller waits any more.
 *
 * @param actor - The actor of the server machine.
 * @param options - Deadline and abort signal of the wait. On abort, the promise rejects with `signal.reason`.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option.
 * @throws StartTimeoutError (`ERR_OPENCODE_START_TIMEOUT`) at the deadline.
 * @throws StoppedError (`ERR_OPENCODE_STOPPED`) if `stop()` or `close()` is called meanwhile.
 * @throws OpenCodeRuntimeError if the server fails: the failure itself (`BinaryNotFoundError`,
 * `PortInUseError`, `RestartLimitError` …).
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
      clock.clearTimeout(placeTimer)
      stopListening()
      act()
    }
    const abandon = (error: Error): void =>
      settle(() => {
        actor.send({ type: 'server.release', leaseId })
        reject(error)
      })
    const check = (): void => {
      const snapshot = actor.getSnapshot()
      if (snapshot.status !== 'active' || snapshot.context.stops !== context.stops)
        settle(() => reject(new StoppedError('The server was stopped before it was healthy')))
      else if (isServing(snapshot)) settle(resolve)
      else if (snapshot.matches('failed')) {
        const { error } = snapshot.context
        settle(() => reject(error ?? new StoppedError('The server failed')))
      }
    }

    // Subscribes before the event is sent and checks once afterwards, so that no state is missed.
    const subscription = actor.subscribe({ next: () => isSent && check(), complete: check, error: check })
    const startedAt = clock.now()
    const onDeadline = async (ms: number, isOver: () => boolean): Promise<void> => {
      // Reads pending input first, because the server's answer may already be there.
      const lateMs = clock.now() - startedAt - ms
      await inputRead(lateMs > punctualMs ? roundsAfterPause : 1)
      if (!isSettled && isOver()) abandon(timedOut(actor, ms))
    }
    const timer = clock.setTimeout(() => void onDeadline(deadlineMs, () => true), deadlineMs)
    const waitsForPlace = (): boolean => actor.getSnapshot().matches({ configuring: 'permitting' })
    const placeTimer =
      options.deadlineMs === undefined && context.options.values.agent
        ? clock.setTimeout(() => void onDeadline(placeWaitMs, waitsForPlace), placeWaitMs)
        : undefined
    const stopListening = onAbort(signal, () => abandon(signal?.reason as Error))
    actor.send({ type: 'server.start', leaseId })
    isSent = true
    check()
  })
}

/**
 * Returns whether the server accepts this caller. A server that drains for a stop is about to end, so the
 * caller waits for the next start. A server that drains for a replacement serves all callers.
 */
const isServing = (snapshot: SnapshotFrom<typeof serverMachine>): boolean =>
  snapshot.matches({ healthy: { service: 'open' } }) ||
  (snapshot.matches('healthy') && snapshot.context.ending === 'replacement')

function timedOut(actor: ServerActorRef, deadlineMs: number): StartTimeoutError {
  const { value, context } = actor.getSnapshot()
  const state = typeof value === 'string' ? value : Object.keys(value)[0]
  const last =
    context.reason?.startsWith(deferral) === true ? context.reason : (context.error ?? context.probeError)
  const detail =
    last === undefined
      ? ''
      : `; last error: ${context.options.secrets.mask(last instanceof Error ? last.message : last)}`
  return new StartTimeoutError(
    `The server was not healthy within ${deadlineMs} ms (state: ${state ?? 'unknown'}${detail})`,
    {
      cause: context.error,
    },
  )
}
