import { createRequire } from 'node:module'
import { packageVersion } from '../package-version.ts'

/** OpenTelemetry's API, an optional peer. */
export type Api = typeof import('@opentelemetry/api')

/** Loads a package by its name, at once. */
export type Load = (name: string) => unknown

const require = createRequire(import.meta.url)

/** This package, as meters and tracers name it. */
export const scope = { name: 'opencode-runtime', version: packageVersion() }

/**
 * OpenTelemetry's API, or `undefined` where it is not installed. Its globals are found by a registered symbol, so that an
 * SDK that was set up through another copy of it, CommonJS or not, is the same.
 */
export function loadApi(load: Load = require): Api | undefined {
  try {
    return load('@opentelemetry/api') as Api
  } catch {
    return undefined
  }
}
