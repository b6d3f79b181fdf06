import { readdirSync, rmSync } from 'node:fs'
import { open, rename, rm, writeFile } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setImmediate as nextRound } from 'node:timers/promises'
import { isAgentId } from '../../config/agent-spec.ts'
import type { AgentSpec } from '../../config/fleet-options.ts'
import { asRuntimeError, type OpenCodeRuntimeError } from '../../errors.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { errnoOf } from '../host/host-fault.ts'
import { readRecord, recordText, type CheckSpec } from './agent-record.ts'

/** Agent whose record cannot be used. The record stays on the disk. */
export interface AgentFault {
  /** Id of the agent, from the name of the record's file. */
  id: string
  error: OpenCodeRuntimeError
}

/** Agents that a folder of records declares. */
export interface KeptAgents {
  specs: AgentSpec[]
  faults: AgentFault[]
}

/** Time after which the reading of records lets other work of the process run, in ms. */
const sliceMs = 8

const ending = '.json'

/** Returns the path of an agent's record. */
export const agentFile = (folder: string, id: string): string => join(folder, `${id}${ending}`)

/**
 * Reads the records of all agents. A record that cannot be used is reported as a fault of its agent, and keeps
 * no other agent back. Drafts that a killed host left are removed; the caller has the lock.
 */
export async function readAgents(folder: string, check: CheckSpec): Promise<KeptAgents> {
  const kept: KeptAgents = { specs: [], faults: [] }
  let since = performance.now()
  for (const name of readdirSync(folder).sort()) {
    if (isDraft(name)) ignoreErrors(() => rmSync(join(folder, name), { force: true }))
    const id = name.slice(0, -ending.length)
    // The file of another name is no record, and its name no folder of an agent: `..json` stands for the folder itself.
    if (name.endsWith(ending) && isAgentId(id)) readInto(kept, folder, id, check)
    if (performance.now() - since < sliceMs) continue
    await nextRound()
    since = performance.now()
  }
  return kept
}

function readInto(kept: KeptAgents, folder: string, id: string, check: CheckSpec): void {
  try {
    kept.specs.push(readRecord(agentFile(folder, id), id, check))
  } catch (error) {
    kept.faults.push({
      id,
      error: asRuntimeError(error, `The record of the agent "${id}" could not be read`),
    })
  }
}

const isDraft = (name: string): boolean => /\.json\.[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(name)

/** Draft of a record, which is complete on the disk. */
export interface Draft {
  id: string
  file: string
}

/** Number of drafts that are written at the same time: each waits for the disk. */
const lanes = 16

/**
 * Writes the drafts of records, with mode 0600, and waits until the disk has them. If one cannot be written,
 * all drafts are removed and the first error is thrown.
 */
export async function writeDrafts(folder: string, specs: readonly AgentSpec[]): Promise<Draft[]> {
  const drafts = specs.map(({ id }) => ({ id, file: `${agentFile(folder, id)}.${randomUUID()}` }))
  const left = specs.entries()
  const lane = async (): Promise<void> => {
    for (const [index, spec] of left) {
      const options = { mode: 0o600, flag: 'wx', flush: true }
      await writeFile(drafts[index]?.file ?? '', recordText(spec), options)
    }
  }
  const results = await Promise.allSettled(Array.from({ length: lanes }, lane))
  const failed = results.find((result) => result.status === 'rejected')
  if (!failed) return drafts
  await removeDrafts(drafts)
  throw failed.reason
}

/** Removes drafts. A draft that cannot be removed is removed when the store is opened the next time. */
export async function removeDrafts(drafts: readonly Draft[]): Promise<void> {
  for (const { file } of drafts) await rm(file, { force: true }).catch(() => undefined)
}

/** Makes a draft the record of its agent, atomically. */
export async function placeDraft(folder: string, { id, file }: Draft): Promise<void> {
  try {
    await rename(file, agentFile(folder, id))
  } catch (error) {
    // A folder in the place of the record, which holds no agent.
    if (errnoOf(error) !== 'EISDIR') throw error
    await removeRecord(folder, id)
    await rename(file, agentFile(folder, id))
  }
}

/** Removes the record of an agent, if it exists. */
export const removeRecord = (folder: string, id: string): Promise<void> =>
  rm(agentFile(folder, id), { force: true, recursive: true })

/** Error codes of platforms and file systems that cannot sync a folder. */
const cannotSync = new Set([
  'EISDIR',
  'EINVAL',
  'EPERM',
  'EACCES',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EBADF',
])

/** Waits until the disk has the names in a folder, where the platform can. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (!cannotSync.has(errnoOf(error) ?? '')) throw error
  }
}
