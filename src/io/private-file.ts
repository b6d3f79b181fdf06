import { randomUUID } from 'node:crypto'
import { realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { realpath, rename, rm, writeFile } from 'node:fs/promises'
import { quietly } from '../quietly.ts'

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

const draftOf = (file: string): string => `${file}.${randomUUID()}`
