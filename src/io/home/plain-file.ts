import { constants, readFileSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'

/** Size above which a file is not read, in bytes; no file that this package looks for is nearly as large. */
const maxBytes = 16 * 1024 * 1024

/**
 * Returns the text of a file; `undefined` if there is something else at the path, such as a pipe, whose reader
 * would wait without end. An agent may put anything into its home.
 */
export async function readPlainFile(file: string): Promise<string | undefined> {
  const handle = await open(file, constants.O_RDONLY | withoutWait)
  try {
    const stats = await handle.stat()
    return stats.isFile() && stats.size <= maxBytes ? await handle.readFile('utf8') : undefined
  } finally {
    await handle.close()
  }
}

/** Flag of a pipe that is opened without a writer; Windows has none. */
const withoutWait = process.platform === 'win32' ? 0 : constants.O_NONBLOCK

/** Returns the text of a file like {@link readPlainFile}, but synchronously. No agent may run meanwhile. */
export function readPlainFileSync(file: string): string | undefined {
  const stats = statSync(file)
  return stats.isFile() && stats.size <= maxBytes ? readFileSync(file, 'utf8') : undefined
}
