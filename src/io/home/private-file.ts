import { randomUUID } from 'node:crypto'
import { readdirSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { realpath, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { quietly } from '../../util/quietly.ts'

/**
 * Replaces a file at once or not at all, 0600; a link to the file stays. The mode comes with the file's creation: a later
 * chmod, as libraries do it, fails on a volume that refuses modes (CIFS). Nothing is left of a replacement that failed.
 */
export async function replaceFile(file: string, content: string): Promise<void> {
  const target = await realpath(file).catch(() => file)
  const draft = draftOf(target)
  try {
    await writeFile(draft, content, { ...ofDraft, flush: true })
    await rename(draft, target)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined)
    throw error
  }
}

/** Replaces a file like {@link replaceFile}, synchronously, and does not wait for the disk. */
export function replaceFileSync(file: string, content: string): void {
  const target = quietly(() => realpathSync(file)) ?? file
  const draft = draftOf(target)
  try {
    writeFileSync(draft, content, ofDraft)
    renameSync(draft, target)
  } catch (error) {
    quietly(() => rmSync(draft, { force: true }))
    throw error
  }
}

/** The options of a draft: a file of this name that exists is not taken. */
const ofDraft = { mode: 0o600, flag: 'wx' }

/** Names a draft, and removes the old ones of processes that were killed in the middle: they hold secrets. */
function draftOf(file: string): string {
  const folder = dirname(file)
  for (const name of quietly(() => readdirSync(folder)) ?? [])
    if (isDraft(name, basename(file)) && isAbandoned(join(folder, name)))
      quietly(() => rmSync(join(folder, name), { force: true }))
  return `${file}.${randomUUID()}`
}

const isDraft = (name: string, file: string): boolean =>
  name.startsWith(`${file}.`) && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(name.slice(file.length + 1))

/** The age, in ms, from which a draft is that of a process that died on the way. */
const abandonedMs = 60_000

/** Returns whether a draft is older than any writer needs. */
export function isAbandoned(draft: string): boolean {
  const stat = statSync(draft, { throwIfNoEntry: false })
  return stat !== undefined && Date.now() - stat.mtimeMs > abandonedMs
}
