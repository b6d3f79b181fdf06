import { isIPv4, isIPv6 } from 'node:net'

/** Number of refusals of an address in a window after which the address has to wait. */
const mostRefusals = 10
/** Length of the window, in ms. */
const windowMs = 60_000
/** Number of addresses that are remembered; the address whose last refusal is the oldest is forgotten first. */
const mostAddresses = 10_000

/** Limits the refusals of an address, so that tokens cannot be guessed. The memory is bounded. */
export class RefusalLimit {
  /** Times of the last refusals by address; the address with the latest refusal comes last. */
  readonly #refusals = new Map<string, number[]>()

  /** Returns the time until an address may try again, in ms; 0 if it may now. */
  waitOf(address: string | undefined, now: number): number {
    const [oldest] = this.#recent(keyOf(address), now)
    const isFull = this.#recent(keyOf(address), now).length >= mostRefusals
    return isFull && oldest !== undefined ? Math.max(1, oldest + windowMs - now) : 0
  }

  /** Counts a refusal of an address. */
  add(address: string | undefined, now: number): void {
    const key = keyOf(address)
    const recent = [...this.#recent(key, now), now].slice(-mostRefusals)
    this.#refusals.delete(key)
    this.#refusals.set(key, recent)
    if (this.#refusals.size <= mostAddresses) return
    const [oldest] = this.#refusals.keys()
    if (oldest !== undefined) this.#refusals.delete(oldest)
  }

  /** Number of addresses that are remembered. */
  get size(): number {
    return this.#refusals.size
  }

  #recent(key: string, now: number): number[] {
    const recent = (this.#refusals.get(key) ?? []).filter((at) => at > now - windowMs && at <= now)
    if (recent.length === 0) this.#refusals.delete(key)
    return recent
  }
}

/**
 * Returns the key under which an address is counted. An IPv6 network of 64 bits is one address, because a single
 * host often has all of them. Callers without an address, as on a Unix socket, count as one.
 */
function keyOf(address: string | undefined): string {
  const plain = (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/s, '')
  if (isIPv4(plain) || !isIPv6(plain)) return plain.slice(0, 64)
  const { hostname } = new URL(`http://[${plain}]`)
  return `${network(hostname.slice(1, -1))}::/64`
}

/** Returns the first four groups of a compressed IPv6 address. */
function network(address: string): string {
  const [before = '', after] = address.split('::')
  const groups = before === '' ? [] : before.split(':')
  const rest = after === undefined || after === '' ? [] : after.split(':')
  const zeros = Array.from({ length: 8 - groups.length - rest.length }, () => '0')
  return [...groups, ...zeros, ...rest].slice(0, 4).join(':')
}

/**
 * Returns the address that a request's refusals count for.
 *
 * @param peer - address of the connection; `undefined` if unknown
 * @param trustsProxy - true if a reverse proxy stands before the gateway: the last address in `X-Forwarded-For` is then
 *   the caller's, because the proxy has added it
 */
export function callerAddress(
  peer: string | undefined,
  headers: Headers,
  trustsProxy: boolean,
): string | undefined {
  const forwarded = trustsProxy ? headers.get('x-forwarded-for')?.split(',').at(-1)?.trim() : undefined
  return forwarded === undefined || forwarded === '' ? peer : forwarded
}
