import { fromCallback, type EventObject } from 'xstate'
import { HttpError } from '../../io/opencode/client.ts'
import { clockOf, elapse, type SystemClock } from '../clock.ts'
import { runtimeOf, type Link, type ServerInput } from '../runtime.ts'

/** How long to listen for what a new stream was provoked to say, before it is provoked again; each time twice as long. */
const provokeMs = 25
const provokeMaxMs = 1_000

/** For one that answers neither way. */
const nudgeTimeoutMs = 5_000

/** What the event stream tells of itself. */
export type StreamFact = { type: 'stream.opened' } | { type: 'stream.lost' }

/** Reads the server's event stream into the hub until it ends, is cut, or the actor is stopped. */
export const events = fromCallback<EventObject, ServerInput>(({ input, sendBack, system }) =>
  readStream(input, clockOf(system), (fact) => sendBack(fact)),
)

/**
 * Reads the stream; returns what stops it. `error` is what cut it, if anything did.
 *
 * It counts as opened from its first event on: the server answers, and says `server.connected`, before it listens for
 * events itself, and what happens in between (25 ms on a quiet machine, a second on a loaded one) is never told (opencode 1.18.33).
 */
export function readStream(
  { runtime }: ServerInput,
  clock: SystemClock,
  tell: (fact: StreamFact, error?: unknown) => void,
): () => void {
  const link = runtimeOf(runtime).link
  const abort = new AbortController()
  const heard = new AbortController()
  const open = (): void => {
    if (heard.signal.aborted) return
    heard.abort()
    link?.hub.opened()
    tell({ type: 'stream.opened' })
  }
  const read = async (): Promise<void> => {
    const onAnswer = (): void => void provoke(link, clock, heard.signal).then(open)
    for await (const events of link?.client.events(abort.signal, onAnswer) ?? [])
      for (const event of events) {
        if (event.type !== 'server.connected') open()
        link?.hub.receive(event)
      }
  }
  const lose = (error?: unknown): void => {
    heard.abort()
    if (abort.signal.aborted) return
    link?.hub.lost()
    tell({ type: 'stream.lost' }, error)
  }
  read().then(() => lose(), lose)
  return () => {
    abort.abort()
    heard.abort()
    link?.hub.closed()
  }
}

/** Has the server speak until it is heard; resolves also where it refuses to, so that its first word has to do. */
async function provoke(link: Link | undefined, clock: SystemClock, heard: AbortSignal): Promise<void> {
  for (let ms = provokeMs; !heard.aborted; ms = Math.min(2 * ms, provokeMaxMs)) {
    const asked = link?.client.nudge(link.directory, heard)
    const willSpeak = asked?.catch((error: unknown) => !(error instanceof HttpError))
    if ((await Promise.race([willSpeak, elapse(clock, nudgeTimeoutMs, heard)])) !== true) return
    await elapse(clock, ms, heard)
  }
}
