import { fromCallback, type EventObject } from 'xstate'
import { HttpError } from '../../io/opencode/client.ts'
import { heartbeatMs } from '../../io/opencode/wire.ts'
import { clockOf, elapse, inputRead, type SystemClock } from '../clock.ts'
import { runtimeOf, type ServerConnection, type ServerInput } from '../runtime.ts'
import type { SessionEventRouter } from './session-event-router.ts'

/**
 * First and longest wait for an event after a trigger on a new stream, in ms; the wait doubles with each
 * trigger.
 */
const firstEventWaitMs = 25
const firstEventWaitMaxMs = 1_000

/** Time limit of a trigger that the server neither accepts nor rejects, in ms. */
const triggerTimeoutMs = 5_000

/** Longest silence of an open stream, in ms; a stream that is silent for longer counts as lost. */
const maxSilenceMs = 3 * heartbeatMs

/** State change of the event stream. */
export type StreamFact = { type: 'stream.opened' } | { type: 'stream.lost' }

/** Reads the server's event stream into the router until the stream ends or breaks, or the actor is stopped. */
export const events = fromCallback<EventObject, ServerInput>(({ input, sendBack, system }) =>
  readStream(input, clockOf(system), (fact) => sendBack(fact)),
)

/**
 * Reads the stream and reports when the stream opens and when it is lost. The stream counts as opened when
 * its first event arrives.
 *
 * @param report - receives the reports; `error` is the error that broke the stream, if any
 * @returns a function that stops the reading
 * @remarks Observed in opencode: the server answers, and sends `server.connected`, before it
 * subscribes to its own events. Events in between (25 ms on a quiet machine, a second on a loaded one) are
 * never sent.
 */
export function readStream(
  { runtime }: ServerInput,
  clock: SystemClock,
  report: (fact: StreamFact, error?: unknown) => void,
): () => void {
  const connection = runtimeOf(runtime).connection
  const abort = new AbortController()
  const firstEvent = new AbortController()
  let isLost = false
  let stopWatching: (() => void) | undefined
  const open = (): void => {
    if (firstEvent.signal.aborted) return
    firstEvent.abort()
    connection?.router.opened()
    if (connection) stopWatching = watchSilence(connection.router, clock, lose)
    report({ type: 'stream.opened' })
  }
  const read = async (): Promise<void> => {
    const onAnswer = (): void => void triggerFirstEvent(connection, clock, firstEvent.signal).then(open)
    for await (const events of connection?.client.events(abort.signal, onAnswer) ?? [])
      for (const event of events) {
        if (event.type !== 'server.connected') open()
        connection?.router.receive(event)
      }
  }
  function lose(error?: unknown): void {
    firstEvent.abort()
    stopWatching?.()
    if (isLost || abort.signal.aborted) return
    isLost = true
    connection?.router.lost()
    report({ type: 'stream.lost' }, error)
  }
  read().then(() => lose(), lose)
  return () => {
    abort.abort()
    firstEvent.abort()
    stopWatching?.()
    connection?.router.closed()
  }
}

/**
 * Calls a function when an open stream has been silent for longer than three heartbeats. The pending input is
 * read first, because it may contain events.
 *
 * @returns a function that stops the watch
 */
export function watchSilence(
  router: SessionEventRouter,
  clock: SystemClock,
  onSilent: () => void,
): () => void {
  let isStopped = false
  let timer: unknown
  const wait = (): void => {
    timer = clock.setTimeout(() => void check(), Math.max(0, maxSilenceMs - router.silentMs))
  }
  const check = async (): Promise<void> => {
    await inputRead()
    if (isStopped) return
    if (router.silentMs >= maxSilenceMs) onSilent()
    else wait()
  }
  wait()
  return () => {
    isStopped = true
    clock.clearTimeout(timer)
  }
}

/**
 * Makes the server emit events until one arrives on the stream. Also resolves if the server rejects the
 * request; the answer itself then counts as the opening.
 *
 * @param received - signal that aborts when the first event has arrived
 */
async function triggerFirstEvent(
  connection: ServerConnection | undefined,
  clock: SystemClock,
  received: AbortSignal,
): Promise<void> {
  for (let ms = firstEventWaitMs; !received.aborted; ms = Math.min(2 * ms, firstEventWaitMaxMs)) {
    const request = connection?.client.triggerEvent(connection.directory, received)
    const isAccepted = request?.catch((error: unknown) => !(error instanceof HttpError))
    if ((await Promise.race([isAccepted, elapse(clock, triggerTimeoutMs, received)])) !== true) return
    await elapse(clock, ms, received)
  }
}
