import { JetStreamApiError } from '@nats-io/jetstream'
import {
  ClusterStoreError,
  mostParcelBytes,
  sha256Of,
  type AgentKey,
  type ParcelRef,
  type Parcels,
} from '../cluster-store.ts'
import { called } from './faults.ts'
import { lastMessage } from './messages.ts'
import type { NatsParts } from './nats-parts.ts'

/** Bytes of a part. A message holds 1 MB. */
const partBytes = 512 * 1024
/** Number of parts that are sent at the same time. */
const atOnce = 4

/** Contents of large turns in a stream of NATS, each in parts whose subjects have the digest of the content. */
export class NatsParcels implements Parcels {
  readonly #parts: NatsParts

  constructor(parts: NatsParts) {
    this.#parts = parts
  }

  async put(agent: AgentKey, turnId: string, bytes: Uint8Array): Promise<ParcelRef> {
    if (bytes.length > mostParcelBytes) throw tooLarge()
    const parcel = { bytes: bytes.length, sha256: sha256Of(bytes) }
    const starts = Array.from({ length: partsOf(bytes.length) }, (_, i) => i)
    for (let at = 0; at < starts.length; at += atOnce)
      await Promise.all(
        starts.slice(at, at + atOnce).map((part) => {
          const content = bytes.subarray(part * partBytes, (part + 1) * partBytes)
          return this.#putPart(this.#subjectOf(agent, turnId, parcel, part), content)
        }),
      )
    return parcel
  }

  async #putPart(subject: string, content: Uint8Array): Promise<void> {
    try {
      await this.#parts.client.publish(subject, content)
    } catch (error) {
      // The part of an earlier attempt is there.
      const isThere = error instanceof JetStreamApiError && /per subject/i.test(error.message)
      if (!isThere) await called(Promise.reject(error as Error))
    }
  }

  async get(agent: AgentKey, turnId: string, parcel: ParcelRef): Promise<Uint8Array | undefined> {
    const { manager, names } = this.#parts
    if (parcel.bytes > mostParcelBytes) return undefined
    const contents: Uint8Array[] = []
    for (let part = 0; part < partsOf(parcel.bytes); part++) {
      const message = await lastMessage(manager, names.parcels, this.#subjectOf(agent, turnId, parcel, part))
      if (!message) return undefined
      contents.push(message.data)
    }
    return Buffer.concat(contents)
  }

  async remove(agent: AgentKey, turnId: string): Promise<void> {
    const { manager, names } = this.#parts
    await called(manager.streams.purge(names.parcels, { filter: names.parcel(agent, turnId) }))
  }

  #subjectOf(agent: AgentKey, turnId: string, { sha256 }: ParcelRef, part: number): string {
    return this.#parts.names.parcelPart(agent, turnId, `${sha256}-${part}`)
  }
}

const partsOf = (bytes: number): number => Math.ceil(bytes / partBytes)

const tooLarge = (): ClusterStoreError =>
  new ClusterStoreError('too_large', `The content of a turn may have ${mostParcelBytes} bytes`)
