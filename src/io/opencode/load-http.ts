import type * as Undici from 'undici'
import { loadAhead, loadModule } from '../host/load-module.ts'

type Http = Pick<typeof Undici, 'Agent' | 'request'>

/** The file of undici 7 that requires `parsers` at the first connection: an update of the packages may have removed them by then. */
const connection = 'undici/lib/dispatcher/client-h1.js'
const parsers = ['../llhttp/llhttp_simd-wasm.js', '../llhttp/llhttp-wasm.js']

/**
 * Loads undici and all modules that it requires later. Loading undici takes as long as loading all other modules, so it is
 * not loaded by importing this package.
 * @throws HostFaultError if undici cannot be loaded at the moment; the next call tries again.
 */
export async function loadHttp(): Promise<Http> {
  // Synchronously, like every module that a start needs.
  for (const parser of parsers) loadAhead(connection, parser)
  return loadModule<Http>('undici', () => import('undici'))
}
