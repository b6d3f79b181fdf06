import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { packagesOnDemand } from '../support/packages-on-demand.ts'

/** Browser of the tests, and the source text of the accessibility checker. */
export interface BrowserFiles {
  executablePath: string
  /** Variables that the browser needs. */
  env: Record<string, string>
  axe: string
}

/**
 * Returns the browser; `undefined` if it is not installed and `mayInstall` is false.
 *
 * @throws Error if the install fails
 */
export async function browserFiles(mayInstall: boolean): Promise<BrowserFiles | undefined> {
  const folder = await packagesOnDemand({
    name: 'opencode-runtime-browser',
    source: import.meta.dirname,
    mayInstall,
  })
  if (folder === undefined) return undefined
  const load = createRequire(join(folder, 'package.json'))
  const browser = load('@sparticuz/chromium') as { executablePath: () => Promise<string> }
  return {
    env: { FONTCONFIG_FILE: await fontConfig() },
    executablePath: await browser.executablePath(),
    axe: await readFile(load.resolve('axe-core/axe.min.js'), 'utf8'),
  }
}

/**
 * Writes the list of fonts, so that screenshots look the same on each machine: the sans-serif font is that of the
 * browser's package, which unpacks it beside its binary.
 */
async function fontConfig(): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'opencode-runtime-fonts-')), 'fonts.conf')
  const families = ['system-ui', 'sans-serif', 'Segoe UI', 'Roboto', 'Noto Sans', 'Liberation Sans']
  const aliases = families.map(
    (family) =>
      `<match target="pattern"><test name="family"><string>${family}</string></test><edit name="family" mode="assign" binding="strong"><string>Open Sans</string></edit></match>`,
  )
  const folders = [join(tmpdir(), 'fonts'), '/usr/share/fonts'].map((folder) => `<dir>${folder}</dir>`)
  const config = `<?xml version="1.0"?><fontconfig>${folders.join('')}${aliases.join('')}<cachedir>${dirname(file)}</cachedir></fontconfig>`
  await writeFile(file, config)
  return file
}
