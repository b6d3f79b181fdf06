import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configFolder } from '../../src/io/opencode/config-file.ts'

/** Link to the binary, which a test can break. */
export class Binary {
  readonly #folder = mkdtempSync(join(tmpdir(), 'opencode-runtime-binary-'))
  readonly file = join(this.#folder, 'opencode')
  readonly #real: string

  constructor(real: string) {
    this.#real = real
    symlinkSync(real, this.file)
  }

  /** Runs `act` while the file is an executable with a missing interpreter. */
  async broken(act: () => Promise<void>): Promise<void> {
    rmSync(this.file)
    writeFileSync(this.file, '#!/there/is/no/such/interpreter\n', { mode: 0o700 })
    await act()
    rmSync(this.file)
    symlinkSync(this.#real, this.file)
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Runs `act` while a folder is in place of the config, so that the config cannot be written. */
export async function withoutConfig(home: string, act: () => Promise<void>): Promise<void> {
  const file = join(configFolder(home), 'opencode.json')
  rmSync(file, { force: true })
  mkdirSync(file, { recursive: true })
  await act()
  rmSync(file, { recursive: true })
}

/** Runs `act` while the config file is a link to a file that cannot be read (EIO), so that a start fails by a host fault (Linux). */
export async function withUnreadableConfig(home: string, act: () => Promise<void>): Promise<void> {
  const file = join(configFolder(home), 'opencode.json')
  mkdirSync(configFolder(home), { recursive: true, mode: 0o700 })
  rmSync(file, { force: true })
  symlinkSync('/proc/self/mem', file)
  await act()
  rmSync(file)
}
