import type { JetStreamManager } from '@nats-io/jetstream'
import type { KV, KvEntry } from '@nats-io/kv'
import { onAbort } from '../../../util/abort-signal.ts'
import { deferred } from '../../../util/deferred.ts'
import type { Entry, EntryChange, Register } from '../cluster-store.ts'
import { ignoreErrors } from '../../../util/ignore-errors.ts'
import { called } from './faults.ts'
import { lastMessage } from './messages.ts'

/** Register in a bucket of NATS. */
export class NatsRegister<T> implements Register<T> {
  readonly #bucket: KV
  readonly #name: string
  readonly #manager: JetStreamManager

  constructor(bucket: KV, name: string, manager: JetStreamManager) {
    this.#bucket = bucket
    this.#name = name
    this.#manager = manager
  }

  async get(key: string): Promise<Entry<T> | undefined> {
    const message = await lastMessage(this.#manager, `KV_${this.#name}`, `$KV.${this.#name}.${key}`)
    // A message with an operation is the mark of a deletion.
    if (!message || message.header.get('KV-Operation') !== '') return undefined
    return { key, value: message.json<T>(), revision: message.seq }
  }

  set(key: string, value: T, revision: number, timeoutMs?: number): Promise<number> {
    const data = JSON.stringify(value)
    return called(
      revision === 0 ? this.#bucket.create(key, data) : this.#bucket.update(key, data, revision, timeoutMs),
    )
  }

  delete(key: string, revision: number): Promise<void> {
    return called(this.#bucket.delete(key, { previousSeq: revision }))
  }

  async watch(listener: (change: EntryChange<T>) => void, signal: AbortSignal): Promise<void> {
    const entries = await called(this.#bucket.watch())
    const initial = deferred<undefined>()
    const stop = onAbort(signal, () => {
      entries.stop()
      initial.resolve(undefined)
    })
    if (signal.aborted) entries.stop()
    void (async () => {
      const seen = new Map<string, number>()
      for await (const entry of entries) {
        if (signal.aborted) break
        if (entry.revision > (seen.get(entry.key) ?? 0)) {
          seen.set(entry.key, entry.revision)
          // A value that is no JSON must not end the watch, nor the process.
          const change = ignoreErrors(() => changeOf<T>(entry))
          if (change) listener(change)
        }
        if (entry.delta === 0) initial.resolve(undefined)
      }
      stop()
    })()
    const { values } = await called(this.#bucket.status())
    if (values > 0 && !signal.aborted) await initial.promise
  }
}

const changeOf = <T>(entry: KvEntry): EntryChange<T> => ({
  key: entry.key,
  value: entry.operation === 'PUT' ? entry.json<T>() : undefined,
  revision: entry.revision,
})
