import { randomUUID } from 'node:crypto'
import { ClusterStoreError, keyOf, type AgentKey, type ClusterStore } from '../store/cluster-store.ts'
import type { HomeRecord } from '../store/records.ts'

/** Error of an owner that another owner has replaced: the owner can save no home any more. */
export class FencedHomeError extends Error {
  override readonly name = 'FencedHomeError'
  /** True if the object that the owner wanted to name is the saved home: the answer of an earlier attempt was lost. */
  readonly isNamed: boolean

  constructor(message: string, isNamed = false) {
    super(message)
    this.isNamed = isNamed
  }
}

/** Record of a home with its revision. */
export interface KnownHome {
  readonly record: HomeRecord
  readonly revision: number
}

const noHome: HomeRecord = {
  ...{ epoch: 0, object: null, sha256: null, size: 0 },
  ...{ opencode: null, history: null, path: null },
}

/**
 * Raises the epoch of an agent's home, so that no owner before can name another object. Returns the record with the home
 * that was saved last.
 *
 * @throws FencedHomeError if a later owner has the home
 * @throws ClusterStoreError `unavailable`
 */
export async function fenceHome(store: ClusterStore, agent: AgentKey, epoch: number): Promise<KnownHome> {
  const key = keyOf(agent)
  for (;;) {
    const known = await store.homes.get(key)
    const before = known?.value ?? noHome
    if (before.epoch > epoch) throw fenced(key, before.epoch, epoch)
    if (known && before.epoch === epoch) return { record: before, revision: known.revision }
    const record = { ...noHome, ...before, epoch, history: before.history ?? randomUUID() }
    try {
      return { record, revision: await store.homes.set(key, record, known?.revision ?? 0) }
    } catch (error) {
      if (!isStale(error)) throw error
    }
  }
}

/**
 * Makes an object the saved home of an agent.
 *
 * @param revision - Revision of the record that the owner of the epoch knows.
 * @throws FencedHomeError if a later owner has the home, or its record is gone
 * @throws ClusterStoreError `unavailable`, when the object may have been named
 */
export async function nameHome(
  store: ClusterStore,
  agent: AgentKey,
  record: HomeRecord,
  revision: number,
): Promise<KnownHome> {
  const key = keyOf(agent)
  for (let expected = revision; ;) {
    try {
      return { record, revision: await store.homes.set(key, record, expected) }
    } catch (error) {
      if (!isStale(error)) throw error
      const known = await store.homes.get(key)
      const isNamed = known?.value.object === record.object
      if (known?.value.epoch !== record.epoch)
        throw fenced(key, known?.value.epoch ?? Infinity, record.epoch, isNamed)
      // The answer of an earlier attempt was lost.
      if (isNamed) return { record, revision: known.revision }
      expected = known.revision
    }
  }
}

const fenced = (key: string, other: number, own: number, isNamed = false): FencedHomeError =>
  new FencedHomeError(`The home of ${key} has another owner: epoch ${other}, not ${own}`, isNamed)

const isStale = (error: unknown): boolean => error instanceof ClusterStoreError && error.fault === 'stale'

/** Returns the name of the object of a saved home. */
export const homeObject = ({ agentId }: AgentKey, epoch: number, at: number): string =>
  `${agentId}.${epoch}.${at.toString(36)}`

/** Returns the agent and the epoch of the object of a saved home; `undefined` for any other object. */
export function readHomeObject(name: string): { agentId: string; epoch: number } | undefined {
  const [, agentId, epoch] = /^([\w-]+)\.(\d+)\.[\da-z]+$/.exec(name) ?? []
  return agentId === undefined ? undefined : { agentId, epoch: Number(epoch) }
}
