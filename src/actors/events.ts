import { fromCallback, type EventObject } from 'xstate'
import type { CompiledOptions } from '../options.ts'
import { runtimeOf } from './runtime.ts'

/** What the event stream tells of itself. */
export type StreamFact = { type: 'stream.opened' } | { type: 'stream.lost' }

/** Reads the server's event stream into the hub until it ends, is cut, or the actor is stopped. */
export const events = fromCallback<EventObject, { options: CompiledOptions }>(
  ({ input: { options }, sendBack }) => readStream(options, (fact) => sendBack(fact)),
)

/** Reads the stream; returns what stops it. `error` is what cut it, if anything did. */
export function readStream(
  options: CompiledOptions,
  tell: (fact: StreamFact, error?: unknown) => void,
): () => void {
  const link = runtimeOf(options).link
  const abort = new AbortController()
  const read = async (): Promise<void> => {
    for await (const event of link?.client.events(abort.signal) ?? []) {
      if (event.type === 'server.connected') {
        link?.hub.opened()
        tell({ type: 'stream.opened' })
      }
      link?.hub.receive(event)
    }
  }
  const lose = (error?: unknown): void => {
    if (abort.signal.aborted) return
    link?.hub.closed()
    tell({ type: 'stream.lost' }, error)
  }
  read().then(() => lose(), lose)
  return () => {
    abort.abort()
    link?.hub.closed()
  }
}
