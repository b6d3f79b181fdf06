import { workingDirectory } from '../io/host/directories.ts'
import { isBundled, packageVersion, requireFrom, resolutionBases } from '../own-package.ts'
import { ignoreErrors } from '../util/ignore-errors.ts'

/** OpenTelemetry's API, an optional peer. */
export type Api = typeof import('@opentelemetry/api')

/** Synchronous loader of a package by name. */
export type Load = (name: string) => unknown

/** Name and version of this package for meters and tracers. */
export const scope = { name: 'opencode-runtime', version: packageVersion() }

/**
 * Loads a package that this package's folder can resolve. A bundle may be far from its packages, so the
 * working directory is the second place there.
 */
function loadInstalled(name: string): unknown {
  for (const base of resolutionBases(isBundled() ? workingDirectory() : undefined)) {
    const load = requireFrom(base)
    if (ignoreErrors(() => load.resolve(name)) !== undefined) return load(name)
  }
  throw new Error(`The package ${name} is not installed`)
}

/**
 * Returns OpenTelemetry's API, or `undefined` if the package is not installed.
 * The API finds its globals by a registered symbol. An SDK that was set up through another copy of the API
 * (CommonJS or not) is therefore shared.
 */
export function loadApi(load: Load = loadInstalled): Api | undefined {
  try {
    return load('@opentelemetry/api') as Api
  } catch {
    return undefined
  }
}
