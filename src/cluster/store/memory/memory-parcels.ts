import { ClusterStoreError, keyOf, mostParcelBytes, type AgentKey, type Parcels } from '../cluster-store.ts'
import type { Link } from './link.ts'

/** Contents of large turns in memory, as one connection sees them. */
export class MemoryParcels implements Parcels {
  readonly #shared: Map<string, Uint8Array>
  readonly #link: Link

  constructor(shared: Map<string, Uint8Array>, link: Link) {
    this.#shared = shared
    this.#link = link
  }

  put(agent: AgentKey, turnId: string, bytes: Uint8Array): Promise<void> {
    return this.#link.call(() => {
      if (bytes.length > mostParcelBytes)
        throw new ClusterStoreError('too_large', `The content of a turn may have ${mostParcelBytes} bytes`)
      const key = keyFor(agent, turnId)
      if (!this.#shared.has(key)) this.#shared.set(key, bytes.slice())
    })
  }

  get(agent: AgentKey, turnId: string, size: number): Promise<Uint8Array | undefined> {
    return this.#link.call(() => {
      const bytes = this.#shared.get(keyFor(agent, turnId))
      return bytes && bytes.length >= size ? bytes.slice() : undefined
    })
  }

  remove(agent: AgentKey, turnId: string): Promise<void> {
    return this.#link.call(() => void this.#shared.delete(keyFor(agent, turnId)))
  }
}

const keyFor = (agent: AgentKey, turnId: string): string => `${keyOf(agent)}.${turnId}`
