import type { NatsConnection } from '@nats-io/transport-node'
import { onAbort } from '../../../util/abort-signal.ts'
import { ignoreErrors } from '../../../util/ignore-errors.ts'
import type { Reports } from '../cluster-store.ts'
import { followConnection } from './connection.ts'
import type { Names } from './names.ts'

/** Most bytes of a report: each server of NATS takes messages of that size, unless its configuration says otherwise. */
const mostBytes = 1_000_000

/** Reports as plain messages of NATS, which no stream keeps. */
export class NatsReports implements Reports {
  readonly #connection: NatsConnection
  readonly #names: Pick<Names, 'report' | 'allReports' | 'askReports'>
  #isUp = true

  constructor(
    connection: NatsConnection,
    names: Pick<Names, 'report' | 'allReports' | 'askReports'>,
    closed: AbortSignal,
  ) {
    this.#connection = connection
    this.#names = names
    void followConnection(connection, (state) => (this.#isUp = state === 'up'), closed)
  }

  send(hostId: string, report: unknown): boolean {
    return this.#publish(this.#names.report(hostId), JSON.stringify(report))
  }

  watch(listener: (hostId: string, report: unknown) => void, signal: AbortSignal): void {
    this.#subscribe(this.#names.allReports, signal, (subject, text) => {
      const report = ignoreErrors(() => JSON.parse(text) as unknown)
      if (report !== undefined) listener(subject.split('.').at(-1) ?? '', report)
    })
  }

  ask(): void {
    this.#publish(this.#names.askReports, '')
  }

  onAsk(listener: () => void, signal: AbortSignal): void {
    this.#subscribe(this.#names.askReports, signal, listener)
  }

  /** Publishes a message. The client would keep one that comes while the connection is down, and send it late. */
  #publish(subject: string, text: string): boolean {
    if (!this.#isUp || Buffer.byteLength(text) > (this.#connection.info?.max_payload ?? mostBytes))
      return false
    return (
      ignoreErrors(() => {
        this.#connection.publish(subject, text)
        return true
      }) ?? false
    )
  }

  #subscribe(subject: string, signal: AbortSignal, listener: (subject: string, text: string) => void): void {
    const subscription = ignoreErrors(() =>
      this.#connection.subscribe(subject, {
        // An error is a missing permission, of a configuration that an older version has written.
        callback: (error, message) => {
          if (!error) listener(message.subject, message.string())
        },
      }),
    )
    onAbort(signal, () => ignoreErrors(() => subscription?.unsubscribe()))
  }
}
