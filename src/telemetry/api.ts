import { createRequire } from 'node:module'
import { packageVersion } from '../package-version.ts'

/** OpenTelemetry's API, an optional peer. */
export type Api = typeof import('@opentelemetry/api')

/** Synchronous loader of a package by name. */
export type Load = (name: string) => unknown

const require = createRequire(import.meta.url)

/** Name and version of this package for meters and tracers. */
export const scope = { name: 'opencode-runtime', version: packageVersion() }

/**
 * Returns OpenTelemetry's API, or `undefined` if the package is not installed.
 * The API finds its globals by a registered symbol. An SDK that was set up through another copy of the API
 * (CommonJS or not) is therefore shared.
 */
export function loadApi(load: Load = require): Api | undefined {
  try {
    return load('@opentelemetry/api') as Api
  } catch {
    return undefined
  }
}
