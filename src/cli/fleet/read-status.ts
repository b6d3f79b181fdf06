import { readFile, stat } from 'node:fs/promises'
import { z } from 'zod'
import type { FleetStatus } from '../../api/fleet/types.ts'
import { lazily } from '../../config/validation.ts'
import { fleetFolder, fleetFormat, statusFile } from '../../io/fleet/fleet-folder.ts'
import { fleetHolder } from '../../io/fleet/fleet-lock.ts'
import { errnoOf } from '../../io/host/host-fault.ts'
import type { LockHolder } from '../../io/home/home-lock.ts'
import { messageOf } from '../../util/messages.ts'
import { UsageError } from '../exit-codes.ts'

/** Last status of a fleet, and the process that has the fleet. */
export interface FleetReport {
  dataDir: string
  /** Last status that a fleet wrote; `undefined` before the first status. */
  status: FleetStatus | undefined
  /** Process whose fleet runs; `undefined` if no fleet runs. */
  holder: LockHolder | undefined
}

const load = lazily(() => z.object({ running: z.number(), queued: z.number(), max: z.number() }))

const agent = lazily(() =>
  z.object({
    id: z.string(),
    tenant: z.string(),
    state: z.enum(['idle', 'configuring', 'spawning', 'probing', 'healthy', 'reaping', 'failed']),
    reason: z.string().exactOptional(),
    restarts: z.number(),
    turns: load(),
    memoryMb: z.number().exactOptional(),
    openRequests: z.number(),
    lastUsedAt: z.number().exactOptional(),
    error: z.object({ code: z.string(), message: z.string() }).exactOptional(),
  }),
)

const statusSchema = lazily((): z.ZodType<FleetStatus> =>
  z.object({
    at: z.number(),
    servers: z.object({ running: z.number(), starting: z.number(), max: z.number() }),
    turns: load(),
    memory: z.object({ usedMb: z.number(), budgetMb: z.number() }),
    agents: z.array(agent()),
    tenants: z.record(z.string(), z.object({ weight: z.number(), turns: load() })),
  }),
)

/**
 * Reads the last status of the fleet in a data directory, and whether the fleet runs. Changes nothing.
 *
 * @throws UsageError if there is no such directory, no fleet in it, or a status of a newer version
 */
export async function readFleet(dataDir: string): Promise<FleetReport> {
  await requireFleet(dataDir)
  const text = await textOf(statusFile(dataDir))
  return {
    dataDir,
    status: text === undefined ? undefined : parseStatus(text, dataDir),
    holder: holderOf(dataDir),
  }
}

/** Refuses a directory that is none, or that no fleet has used. */
async function requireFleet(dataDir: string): Promise<void> {
  const advice = 'give the dataDir of a Fleet'
  const kind = await kindOf(dataDir)
  if (kind === 'absent') throw new UsageError(`--data-dir: there is no folder ${dataDir}: ${advice}`)
  if (kind === 'file') throw new UsageError(`--data-dir: ${dataDir} is a file, no folder: ${advice}`)
  if ((await kindOf(fleetFolder(dataDir))) === 'folder') return
  throw new UsageError(`--data-dir: no fleet has used ${dataDir}, which has no folder .fleet: ${advice}`)
}

async function kindOf(path: string): Promise<'folder' | 'file' | 'absent'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return 'absent'
    throw unreadable(path, error)
  }
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw unreadable(file, error)
  }
}

function holderOf(dataDir: string): LockHolder | undefined {
  try {
    return fleetHolder(dataDir)
  } catch (error) {
    throw unreadable(fleetFolder(dataDir), error)
  }
}

/** Returns the error for a path that cannot be read: only the user of the fleet can read its files. */
function unreadable(path: string, error: unknown): UsageError {
  const advice = ['EACCES', 'EPERM'].includes(errnoOf(error) ?? '')
    ? '; run this command as the user of the fleet'
    : ''
  return new UsageError(`${path} cannot be read: ${messageOf(error)}${advice}`)
}

function parseStatus(text: string, dataDir: string): FleetStatus {
  const value = jsonOf(text) as { format?: unknown } | undefined | null
  const format = value?.format
  if (typeof format === 'number' && format > fleetFormat)
    throw new UsageError(
      `${statusFile(dataDir)} has the format ${format} of a newer version: use the opencode-runtime of the fleet's project`,
    )
  const { data, success } = statusSchema().safeParse(value)
  if (success) return data
  throw new UsageError(
    `${statusFile(dataDir)} is damaged; a fleet that runs replaces it with its next status`,
  )
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
