import type * as Undici from 'undici'
import { loadFile, loadModule } from './load-module.ts'

type Http = Pick<typeof Undici, 'Agent' | 'request'>

/** What undici 7 loads with its first connection: an update of the packages may have taken it away by then. */
const parsers = ['undici/lib/llhttp/llhttp_simd-wasm.js', 'undici/lib/llhttp/llhttp-wasm.js']

/**
 * Loads undici, with all that it needs later. It takes as long to load as all the rest: nobody waits for it who only
 * imports us.
 * @throws HostFaultError where it cannot be loaded at the moment; it is tried again then.
 */
export async function loadHttp(): Promise<Http> {
  const http: Http = await loadModule('undici', () => import('undici'))
  for (const parser of parsers) loadFile(parser)
  return http
}
