import {
  ClusterStoreError,
  keyOf,
  mostParcelBytes,
  sha256Of,
  type AgentKey,
  type ParcelRef,
  type Parcels,
} from '../cluster-store.ts'
import type { Link } from './link.ts'

/** Contents of large turns in memory, as one connection sees them. */
export class MemoryParcels implements Parcels {
  readonly #shared: Map<string, Uint8Array>
  readonly #link: Link

  constructor(shared: Map<string, Uint8Array>, link: Link) {
    this.#shared = shared
    this.#link = link
  }

  put(agent: AgentKey, turnId: string, bytes: Uint8Array): Promise<ParcelRef> {
    return this.#link.call(() => {
      if (bytes.length > mostParcelBytes)
        throw new ClusterStoreError('too_large', `The content of a turn may have ${mostParcelBytes} bytes`)
      const sha256 = sha256Of(bytes)
      this.#shared.set(`${prefixOf(agent, turnId)}${sha256}`, bytes.slice())
      return { bytes: bytes.length, sha256 }
    })
  }

  get(agent: AgentKey, turnId: string, { bytes: size, sha256 }: ParcelRef): Promise<Uint8Array | undefined> {
    return this.#link.call(() => {
      const bytes = this.#shared.get(`${prefixOf(agent, turnId)}${sha256}`)
      return bytes?.length === size ? bytes.slice() : undefined
    })
  }

  remove(agent: AgentKey, turnId: string): Promise<void> {
    return this.#link.call(() => {
      const keys = [...this.#shared.keys()].filter((key) => key.startsWith(prefixOf(agent, turnId)))
      for (const key of keys) this.#shared.delete(key)
    })
  }
}

const prefixOf = (agent: AgentKey, turnId: string): string => `${keyOf(agent)}.${turnId}.`
