import { createHash } from 'node:crypto'
import { loginMs } from './login-store.ts'

/** Prefix by which a browser accepts the cookie only over https, and from this host. */
const securePrefix = '__Host-'

/**
 * Returns the name of the view's cookie. A host has the same cookies at every port, so that each gateway needs a name
 * of its own.
 */
export const cookieNameOf = (dataDir: string): string =>
  `opencode_runtime_${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`

/** Returns the value of a cookie with a name, sent over https or http; `undefined` if the request has none. */
export function cookieIn(headers: Headers, name: string): string | undefined {
  const pairs = (headers.get('cookie') ?? '').split(';').map((pair) => pair.trim().split(/=(.*)/s))
  const find = (wanted: string) => pairs.find(([key]) => key === wanted)?.[1]
  return find(`${securePrefix}${name}`) ?? find(name)
}

/** Returns the header that sets the view's cookie; an empty value removes the cookie. */
export function setCookie(name: string, value: string, isSecure: boolean): string {
  const age = value === '' ? 0 : loginMs / 1000
  const attributes = `Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict`
  return isSecure
    ? `${securePrefix}${name}=${value}; ${attributes}; Secure`
    : `${name}=${value}; ${attributes}`
}

/** Returns whether a browser reached the gateway over https, which a proxy may have ended. */
export const isSecure = (headers: Headers, url: string): boolean =>
  url.startsWith('https:') ||
  headers.get('origin')?.startsWith('https:') === true ||
  headers.get('x-forwarded-proto')?.trim().toLowerCase() === 'https'
