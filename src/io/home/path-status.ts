import { access, constants, lstat, stat } from 'node:fs/promises'
import type { Stats } from 'node:fs'
import { dirname } from 'node:path'

/** Result of a look at a path, which changes nothing. */
export type PathStatus =
  | { kind: 'folder'; isWritable: boolean; stats: Stats }
  /** Nothing exists. `ancestor` is the nearest folder above; `code` is the reason why nothing can be created in it. */
  | { kind: 'absent'; ancestor: string; code: string | undefined }
  /** Something other than a folder is at `path`: a file, or a link to nothing. */
  | { kind: 'blocked'; path: string; why: string }
  /** The path cannot be inspected, because a folder above it cannot be entered (`EACCES`). */
  | { kind: 'inaccessible'; code: string }

/** Returns what exists at an absolute path that should be a folder. Never rejects. */
export async function inspectPath(path: string): Promise<PathStatus> {
  const found = await statOf(path)
  if (typeof found !== 'string') {
    if (!found.isDirectory()) return { kind: 'blocked', path, why: 'is not a folder' }
    return { kind: 'folder', isWritable: (await writeFailure(path)) === undefined, stats: found }
  }
  if (found !== 'ENOENT' && found !== 'ENOTDIR') return { kind: 'inaccessible', code: found }
  if (await isLink(path)) return { kind: 'blocked', path, why: 'is a broken link' }
  const above = await inspectPath(dirname(path))
  if (above.kind !== 'folder') return above
  return { kind: 'absent', ancestor: dirname(path), code: await writeFailure(dirname(path)) }
}

/** Returns the status of a path, with links followed, or the system's error code if there is none. */
export async function statOf(path: string): Promise<Stats | string> {
  try {
    return await stat(path)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown'
  }
}

/** Returns the error code if nothing can be made in a folder (`EACCES`, `EROFS`); `undefined` if it can. */
async function writeFailure(folder: string): Promise<string | undefined> {
  try {
    await access(folder, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown'
  }
}

const isLink = (path: string): Promise<boolean> =>
  lstat(path).then(
    (entry) => entry.isSymbolicLink(),
    () => false,
  )
