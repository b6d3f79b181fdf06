import { execa } from 'execa'

/** Oldest version that the programs of `examples/python` run on. */
const probe = 'import sys; sys.exit(sys.version_info < (3, 9))'

/** Returns the command of a Python 3.9 or newer with its standard library, or `undefined`. */
export async function findPython(): Promise<string | undefined> {
  for (const command of ['python3', 'python']) {
    const { exitCode } = await execa(command, ['-c', probe], { reject: false })
    if (exitCode === 0) return command
  }
  return undefined
}
