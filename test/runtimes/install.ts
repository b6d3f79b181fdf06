import { join } from 'node:path'
import { execa } from 'execa'
import { packagesOnDemand } from '../support/packages-on-demand.ts'

/**
 * Returns the folder whose `node_modules` has the runtimes; `undefined` if they are not installed and `mayInstall` is
 * false.
 *
 * @throws Error if the install fails
 */
export const runtimesFolder = (mayInstall: boolean): Promise<string | undefined> =>
  packagesOnDemand({
    name: 'opencode-runtime-runtimes',
    source: import.meta.dirname,
    mayInstall,
    // Replaces a stub by the binary, which is installed already.
    finish: (folder) => execa(process.execPath, ['install.js'], { cwd: join(folder, 'node_modules/bun') }),
  })
