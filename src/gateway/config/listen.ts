import { isAbsolute } from 'node:path'
import { loopback } from '../../config/schema-parts.ts'

/** Address that the gateway listens on. */
export type ListenAddress = { host: string; port: number } | { path: string }

/** Address that the gateway listens on if neither the file nor a flag names one. */
export const defaultListen = '127.0.0.1:7420'

/** Text of messages about an address that cannot be read. */
export const expectedListen = 'expected host:port, [IPv6 address]:port, or unix:/path'

/** Maximum length of the path of a socket, in bytes, on every supported system. */
const longestPath = 103

/** Parses an address: `127.0.0.1:7420`, `[::1]:0`, `unix:/run/agents.sock`. Returns `undefined` for any other text. */
export function parseListen(text: string): ListenAddress | undefined {
  if (text.startsWith('unix:')) return parseSocket(text.slice('unix:'.length))
  const [, bracketed, plain, digits] = /^(?:\[([\da-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/i.exec(text) ?? []
  const [host, port] = [bracketed ?? plain, Number(digits)]
  return host === undefined || port > 65_535 ? undefined : { host, port }
}

function parseSocket(path: string): ListenAddress | undefined {
  const isUsable = isAbsolute(path) && !path.includes('\0') && Buffer.byteLength(path) <= longestPath
  return isUsable ? { path } : undefined
}

/** Returns whether only this machine can reach an address. */
export const isLocal = (address: ListenAddress): boolean => 'path' in address || loopback.test(address.host)

/** Returns an address as text: an URL, or `unix:/path`. */
export function addressText(address: ListenAddress): string {
  if ('path' in address) return `unix:${address.path}`
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  return `http://${host}:${address.port}`
}
