import { randomUUID } from 'node:crypto'
import { readdirSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { open, realpath, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { AgentUser } from '../../config/agent-user.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'

/**
 * Replaces a file atomically, with mode 0600. A link to the file stays. The mode is set when the file is
 * created, because a later chmod, as libraries do it, fails on a volume that refuses modes (CIFS). A failed
 * replacement leaves nothing behind.
 *
 * @param owner - owner of the file, if the host must not trust the folder. A link is then replaced itself,
 *   because an agent may have made the link.
 * @param flush - whether to wait until the disk has the content
 */
export async function replaceFile(
  file: string,
  content: string,
  { owner, flush = true }: { owner?: AgentUser | undefined; flush?: boolean } = {},
): Promise<void> {
  const target = owner ? file : await realpath(file).catch(() => file)
  const draft = draftOf(target)
  try {
    await writeDraft(draft, content, owner, flush)
    await rename(draft, target)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined)
    throw error
  }
}

async function writeDraft(
  draft: string,
  content: string,
  owner: AgentUser | undefined,
  flush: boolean,
): Promise<void> {
  const handle = await open(draft, ofDraft.flag, ofDraft.mode)
  try {
    await handle.writeFile(content)
    if (owner) await handle.chown(owner.uid, owner.gid)
    if (flush) await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Replaces a file like {@link replaceFile}, but synchronously and without waiting for the disk.
 *
 * @param keepsLink - `false` if a link to the file is replaced itself
 */
export function replaceFileSync(file: string, content: string, keepsLink = true): void {
  const target = (keepsLink ? ignoreErrors(() => realpathSync(file)) : undefined) ?? file
  const draft = draftOf(target)
  try {
    writeFileSync(draft, content, ofDraft)
    renameSync(draft, target)
  } catch (error) {
    ignoreErrors(() => rmSync(draft, { force: true }))
    throw error
  }
}

/** Options of a draft's creation. They never overwrite an existing file. */
const ofDraft = { mode: 0o600, flag: 'wx' }

/**
 * Returns the name of a new draft, and removes old drafts of processes that were killed during a write:
 * drafts hold secrets.
 */
function draftOf(file: string): string {
  const folder = dirname(file)
  for (const name of ignoreErrors(() => readdirSync(folder)) ?? [])
    if (isDraft(name, basename(file)) && isAbandoned(join(folder, name)))
      ignoreErrors(() => rmSync(join(folder, name), { force: true }))
  return `${file}.${randomUUID()}`
}

const isDraft = (name: string, file: string): boolean =>
  name.startsWith(`${file}.`) && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(name.slice(file.length + 1))

/** Age, in ms, from which a draft belongs to a process that died during the write. */
const abandonedMs = 60_000

/** Returns whether a draft is older than any writer needs. */
export function isAbandoned(draft: string): boolean {
  const stat = statSync(draft, { throwIfNoEntry: false })
  return stat !== undefined && Date.now() - stat.mtimeMs > abandonedMs
}
