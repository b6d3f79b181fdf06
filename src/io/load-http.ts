import type * as Undici from 'undici'
import { loadAhead, loadModule } from './load-module.ts'

type Http = Pick<typeof Undici, 'Agent' | 'request'>

/** What undici 7 requires with its first connection: an update of the packages may have taken it away by then. */
const connection = 'undici/lib/dispatcher/client-h1.js'
const parsers = ['../llhttp/llhttp_simd-wasm.js', '../llhttp/llhttp-wasm.js']

/**
 * Loads undici, with all that it needs later. It takes as long to load as all the rest: nobody waits for it who only
 * imports us.
 * @throws HostFaultError where it cannot be loaded at the moment; it is tried again then.
 */
export async function loadHttp(): Promise<Http> {
  // At once, as all that a start needs.
  for (const parser of parsers) loadAhead(connection, parser)
  return loadModule<Http>('undici', () => import('undici'))
}
