import { agentOf, type ClusterStore } from '../store/cluster-store.ts'
import type { HomeRecord } from '../store/records.ts'
import { readHomeObject } from './home-register.ts'

/**
 * Returns whether the object of a saved home can be deleted: a later owner has fenced its epoch, so that no owner can name
 * the object any more, and the record names another object. An object of the present epoch stays, because its owner may
 * be about to name the object.
 *
 * @param records - Records of all agents with the id of the object's agent.
 */
export function isGarbage(name: string, records: readonly HomeRecord[]): boolean {
  const { epoch = Infinity } = readHomeObject(name) ?? {}
  return records.length > 0 && records.every((record) => record.epoch > epoch && record.object !== name)
}

/**
 * Deletes the objects of saved homes that no record names and that no owner can name any more. Returns their names.
 *
 * @throws ClusterStoreError
 */
export async function deleteGarbage(store: ClusterStore): Promise<string[]> {
  const names = await store.objects.list()
  const ids = new Set(names.flatMap((name) => readHomeObject(name)?.agentId ?? []))
  const records = await readRecords(store, ids)
  const garbage = names.filter((name) =>
    isGarbage(name, records.get(readHomeObject(name)?.agentId ?? '') ?? []),
  )
  for (const name of garbage) await store.objects.delete(name)
  return garbage
}

/** Reads the records of the agents with some ids. A record only grows in its epoch, so that an old one deletes less. */
async function readRecords(
  store: ClusterStore,
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, HomeRecord[]>> {
  const latest = new Map<string, HomeRecord>()
  const done = new AbortController()
  try {
    await store.homes.watch(({ key, value }) => {
      if (value && ids.has(agentOf(key).agentId)) latest.set(key, value)
    }, done.signal)
  } finally {
    done.abort()
  }
  const records = new Map<string, HomeRecord[]>()
  for (const [key, record] of latest) {
    const { agentId } = agentOf(key)
    records.set(agentId, [...(records.get(agentId) ?? []), record])
  }
  return records
}
