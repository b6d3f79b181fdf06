import { join } from 'node:path'
import { z } from 'zod'
import { lazily } from '../../config/validation.ts'
import { fleetFolder } from '../../io/fleet/fleet-folder.ts'
import { readPlainFile } from '../../io/home/plain-file.ts'
import { replaceFile } from '../../io/home/private-file.ts'
import { errnoOf } from '../../io/host/host-fault.ts'

const record = lazily(() => z.object({ agents: z.array(z.string()) }))

const fileOf = (dataDir: string): string => join(fleetFolder(dataDir), 'serve.json')

/**
 * Returns the ids of the agents that the config file has named, as of the last change: only these agents are removed
 * when the file names them no longer. Agents that were made over HTTP are not among them.
 */
export async function readNamed(dataDir: string): Promise<string[]> {
  try {
    const text = await readPlainFile(fileOf(dataDir))
    return record().parse(JSON.parse(text ?? '')).agents
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw new Error(`${fileOf(dataDir)} cannot be read: delete the file, and no agent is removed`, {
      cause: error,
    })
  }
}

/** Replaces the list of the agents that the config file names. */
export const writeNamed = (dataDir: string, agents: readonly string[]): Promise<void> =>
  replaceFile(fileOf(dataDir), `${JSON.stringify({ agents })}\n`)
