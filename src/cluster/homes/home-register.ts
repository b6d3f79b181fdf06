import { randomUUID } from 'node:crypto'
import { ClusterStoreError, keyOf, type AgentKey, type ClusterStore } from '../store/cluster-store.ts'
import { wipedIn } from '../specs/spec-record.ts'
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

/** Error of an owner whose agent's saved home was deleted, or begun anew. */
export class HomeGoneError extends Error {
  override readonly name = 'HomeGoneError'
}

/** Record of a home with its revision. */
export interface KnownHome {
  readonly record: HomeRecord
  readonly revision: number
  /** Id of the latest removal that has deleted the homes of the agent; absent without one. */
  readonly wiped?: string | undefined
}

const noHome: HomeRecord = {
  ...{ epoch: 0, object: null, sha256: null, size: 0 },
  ...{ opencode: null, history: null, path: null },
}

/**
 * Raises the epoch of an agent's home, so that no owner before can name another object. Returns the record with the home
 * that was saved last; of an agent whose homes were deleted since, with none.
 *
 * @throws FencedHomeError if a later owner has the home
 * @throws ClusterStoreError `unavailable`
 */
export async function fenceHome(store: ClusterStore, agent: AgentKey, epoch: number): Promise<KnownHome> {
  const key = keyOf(agent)
  for (;;) {
    const known = await store.homes.get(key)
    if (known && known.value.epoch > epoch) throw fenced(key, known.value.epoch, epoch)
    // The agent is read after its home, so that an earlier state of the agent never makes a later home old.
    const wiped = wipedIn((await store.agents.get(key))?.value)
    const isOld = known !== undefined && wiped !== undefined && known.value.wiped !== wiped
    if (known && !isOld && known.value.epoch === epoch)
      return { record: known.value, revision: known.revision, wiped }
    const before = isOld ? noHome : (known?.value ?? noHome)
    const record = {
      ...{ ...noHome, ...before, epoch, history: before.history ?? randomUUID() },
      ...(wiped !== undefined && { wiped }),
    }
    try {
      const revision = await store.homes.set(key, record, known?.revision ?? 0)
      if (isOld) await deleteObject(store, known.value)
      return { record, revision, wiped }
    } catch (error) {
      if (!isStale(error)) throw error
    }
  }
}

/**
 * Makes an object the saved home of an agent.
 *
 * @param revision - Revision of the record that the owner of the epoch knows.
 * @throws FencedHomeError if a later owner has the home
 * @throws HomeGoneError if the record is gone, or begun anew
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
      if (!known) throw new HomeGoneError(`The saved home of ${key} was deleted`)
      const isNamed = known.value.object === record.object
      if (known.value.epoch !== record.epoch) throw fenced(key, known.value.epoch, record.epoch, isNamed)
      if (known.value.history !== record.history)
        throw new HomeGoneError(`The saved home of ${key} was begun anew`)
      // The answer of an earlier attempt was lost.
      if (isNamed) return { record, revision: known.revision }
      expected = known.revision
    }
  }
}

/**
 * Deletes the saved home of an agent whose homes were deleted by a removal. A home that was begun after it stays.
 *
 * @throws ClusterStoreError
 */
export async function forgetHome(
  store: Pick<ClusterStore, 'agents' | 'homes' | 'objects'>,
  agent: AgentKey,
): Promise<void> {
  const key = keyOf(agent)
  for (;;) {
    const known = await store.homes.get(key)
    if (!known) return
    const wiped = wipedIn((await store.agents.get(key))?.value)
    if (wiped === undefined || known.value.wiped === wiped) return
    // The record goes last: as long as it is there, another host deletes what is left.
    await deleteObject(store, known.value)
    try {
      await store.homes.delete(key, known.revision)
      return
    } catch (error) {
      if (!isStale(error)) throw error
    }
  }
}

async function deleteObject(
  { objects }: Pick<ClusterStore, 'objects'>,
  { object }: HomeRecord,
): Promise<void> {
  if (object !== null) await objects.delete(object)
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
