import type { NatsConnection } from '@nats-io/transport-node'
import { onAbort, orAborted } from '../../util/abort-signal.ts'

/** Connections to NATS that a signal closes until they are kept. */
export class AbortableConnections {
  readonly #open = new Set<NatsConnection>()
  readonly #connect: () => Promise<NatsConnection>
  readonly #signal: AbortSignal
  readonly #stopListening: () => void

  constructor(connect: () => Promise<NatsConnection>, signal: AbortSignal) {
    this.#connect = connect
    this.#signal = signal
    this.#stopListening = onAbort(signal, () => {
      for (const connection of this.#open) void connection.close()
    })
  }

  /** Connects. Rejects at once when the signal aborts; a connection that comes later is closed. */
  readonly connect = (): Promise<NatsConnection> => {
    const connecting = this.#connect()
    connecting.then(
      (connection) => {
        if (this.#signal.aborted) void connection.close()
        else this.#open.add(connection)
      },
      () => undefined,
    )
    return orAborted(connecting, this.#signal)
  }

  /** Leaves the connections open when the signal aborts. */
  keep(): void {
    this.#stopListening()
    this.#open.clear()
  }
}
