import { wipedIn } from '../specs/spec-record.ts'
import { agentOf, type ClusterStore, type Register } from '../store/cluster-store.ts'
import type { HomeRecord } from '../store/records.ts'
import { forgetHome, readHomeObject } from './home-register.ts'

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
 * Deletes the objects of saved homes that no record names and that no owner can name any more, and the saved homes of agents
 * that were removed with them. Returns the names of the objects.
 *
 * @throws ClusterStoreError
 */
export async function deleteGarbage(store: ClusterStore): Promise<string[]> {
  const names = await store.objects.list()
  const ids = new Set(names.flatMap((name) => readHomeObject(name)?.agentId ?? []))
  const [homes, agents] = [await readRecords(store.homes, ids), await readRecords(store.agents, ids)]
  const wiped = new Set([...agents].flatMap(([key, agent]) => (wipedIn(agent) ? agentOf(key).agentId : [])))
  const homesOf = new Map<string, HomeRecord[]>()
  for (const [key, home] of homes) {
    const { agentId } = agentOf(key)
    homesOf.set(agentId, [...(homesOf.get(agentId) ?? []), home])
  }
  const garbage = names.filter((name) => {
    const id = readHomeObject(name)?.agentId ?? ''
    const records = homesOf.get(id)
    // The owner's record is older than its object. So it was deleted, with the home.
    return records ? isGarbage(name, records) : wiped.has(id)
  })
  for (const name of garbage) await store.objects.delete(name)
  for (const key of homes.keys())
    if (wipedIn(agents.get(key)) !== undefined) await forgetHome(store, agentOf(key))
  return garbage
}

/**
 * Reads the records of the agents with some ids, by key. The record of a home only grows in its epoch, so that an old one
 * deletes less.
 */
async function readRecords<T>(register: Register<T>, ids: ReadonlySet<string>): Promise<Map<string, T>> {
  const latest = new Map<string, T>()
  const done = new AbortController()
  try {
    await register.watch(({ key, value }) => {
      if (value && ids.has(agentOf(key).agentId)) latest.set(key, value)
    }, done.signal)
  } finally {
    done.abort()
  }
  return latest
}
