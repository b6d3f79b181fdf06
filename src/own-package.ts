import { readFileSync } from 'node:fs'
import module from 'node:module'
import { join } from 'node:path'

const ownName = 'opencode-runtime'

/** Defined by webpack and its relatives, in every module that they bundle. */
declare const __webpack_require__: unknown

/** URL of the file that runs. A bundle as CommonJS has none. */
const here = (import.meta as Partial<ImportMeta>).url

// Read when the package is imported, because an update of the packages may remove the file later.
const manifest = readManifest()

/** This package's version; `undefined` in a bundle. */
export const packageVersion = (): string | undefined => manifest?.version

/**
 * Returns whether this package's code is part of a bundle. The package's other files are then not beside the
 * code, and packages from `node_modules` may be other copies than those in the bundle.
 */
export const isBundled = (): boolean => manifest === undefined

/** Advice for a failure in a bundle. */
export const bundleAdvice = `${ownName} is part of a bundle: mark ${ownName} as external in the bundler`

/**
 * Returns the files from which installed packages are resolved: this file, and the working directory.
 * @param working - the working directory; `undefined` if it was removed
 */
export function resolutionBases(working: string | undefined): string[] {
  const bases = [here, working === undefined ? undefined : join(working, 'package.json')]
  return bases.filter((base) => base !== undefined)
}

/**
 * Returns a `require` that resolves from a file. A bundler rewrites or reports a `createRequire` that was
 * imported by its name, but resolves nothing at run time.
 */
export const requireFrom = (file: string): NodeJS.Require => module.createRequire(file)

/**
 * Returns the `require` of this package's own files, which lie in one folder; `undefined` in a bundle and in
 * TypeScript sources, whose loader `require` would bypass.
 */
export const ownRequire = (): NodeJS.Require | undefined =>
  manifest !== undefined && here?.endsWith('.js') === true ? requireFrom(here) : undefined

/** Returns the text of a file of this package; `undefined` in a bundle. */
export function ownFile(path: string): string | undefined {
  if (isBundled() || here === undefined) return undefined
  try {
    return readFileSync(new URL(`../${path}`, here), 'utf8')
  } catch {
    return undefined
  }
}

/**
 * Returns the content of this package's `package.json`; `undefined` in a bundle, which has none or another
 * package's file beside it. Webpack replaces the URL by that of the source file, where the bundle was built.
 */
function readManifest(): { version?: string } | undefined {
  if (here === undefined || typeof __webpack_require__ !== 'undefined') return undefined
  try {
    const content: unknown = JSON.parse(readFileSync(new URL('../package.json', here), 'utf8'))
    const { name, version } = content as { name?: unknown; version?: string }
    return name === ownName ? { ...(version !== undefined && { version }) } : undefined
  } catch {
    return undefined
  }
}
