import type { Fleet } from '../../api/fleet/fleet.ts'
import { UnknownAgentError } from '../../errors.ts'
import type { ServeConfig } from '../../gateway/config/config-file.ts'
import { readNamed, writeNamed } from './named-agents.ts'

/** Numbers of the agents of a config file, by what was done. */
export interface Applied {
  added: string[]
  changed: string[]
  removed: string[]
}

/**
 * Declares the agents of a config file, and removes those that the file has named before and names no longer. Other
 * agents stay. Resolves when the removed agents have ended.
 *
 * @param drainMs - time for running turns of removed agents to end
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad agent, before any change
 */
export async function applyAgents(
  fleet: Fleet,
  { fleet: { dataDir }, agents }: ServeConfig,
  drainMs: number,
): Promise<Applied> {
  const before = await readNamed(dataDir)
  const now = agents.map(({ id }) => id)
  const gone = before.filter((id) => !now.includes(id))
  // Both are kept until the removals are done, so that after a crash the next start removes the rest.
  await writeNamed(dataDir, [...now, ...gone])
  const { added, changed } = await fleet.apply(agents).catch(async (error: unknown) => {
    await writeNamed(dataDir, before)
    throw error
  })
  const removed = await Promise.all(gone.map((id) => remove(fleet, id, drainMs)))
  if (gone.length > 0) await writeNamed(dataDir, now)
  return { added, changed, removed: gone.filter((_id, i) => removed[i]) }
}

/** Removes an agent. Returns `false` if the fleet does not know the agent, because a caller has removed it. */
async function remove(fleet: Fleet, id: string, drainMs: number): Promise<boolean> {
  try {
    await fleet.remove(id, { drainMs })
    return true
  } catch (error) {
    if (error instanceof UnknownAgentError) return false
    throw error
  }
}
