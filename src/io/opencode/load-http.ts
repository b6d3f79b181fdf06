import type * as Undici from 'undici'
import { loadAhead, loadModule } from '../host/load-module.ts'

type Http = Pick<typeof Undici, 'Agent' | 'request'>

/**
 * Whether the runtime is Bun, which replaces the package `undici`, but not the package's files, by classes of
 * its own. Those classes lack `destroy` (Bun 1.4).
 */
const isBun = 'bun' in process.versions

/**
 * File of undici 7 that requires `parsers` at the first connection. An update of the packages may have
 * removed them by then.
 */
const connection = 'undici/lib/dispatcher/client-h1.js'
const parsers = ['../llhttp/llhttp_simd-wasm.js', '../llhttp/llhttp-wasm.js']

/**
 * Loads undici and all modules that it requires later. Undici takes as long to load as all other modules
 * together, so an import of this package does not load it.
 * @throws HostFaultError if undici cannot be loaded at the moment; the next call tries again
 */
export async function loadHttp(): Promise<Http> {
  // Loaded synchronously, like every module that a start needs.
  for (const parser of parsers) loadAhead(connection, parser)
  if (isBun) return loadModule<Http>('undici/index.js', () => import('undici/index.js'))
  return loadModule<Http>('undici', () => import('undici'))
}
