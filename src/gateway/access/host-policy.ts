import { isIPv4 } from 'node:net'
import { loopback } from '../../config/schema-parts.ts'
import { InvalidOptionsError } from '../../errors.ts'
import { hostRefused } from './problems.ts'

/** Hosts for which a gateway answers. */
export interface HostOptions {
  /** Further hosts, each with or without a port; without a port for every port. */
  allowedHosts?: readonly string[] | undefined
  /** Host at which the gateway listens. At a wildcard (`0.0.0.0`, `::`), every IP address is allowed. */
  listenHost?: string | undefined
}

/**
 * Checks the host that a request names. A page of another site can make its own name lead to this machine (DNS
 * rebinding), and would then be of the same origin as the gateway: but its requests name that host.
 */
export class HostPolicy {
  readonly #allowed: ReadonlySet<string>
  readonly #allowsAddresses: boolean

  /** @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a host that is none */
  constructor({ allowedHosts = [], listenHost }: HostOptions) {
    const listening = listenHost === undefined ? [] : [inURL(listenHost)]
    this.#allowsAddresses = listening.some((host) => wildcards.has(host))
    this.#allowed = new Set([...listening, ...allowedHosts].map(normalised))
  }

  /**
   * Checks a request's host: its header, else the host of its URL, because a request that a program made has no
   * header.
   *
   * @throws ProblemError 403 for another host
   */
  check(headers: Headers, url: string): void {
    const host = parsed(headers.get('host') ?? new URL(url).host)
    if (host === undefined) throw hostRefused()
    const { hostname } = host
    const isAllowed =
      loopback.test(hostname) ||
      this.#allowed.has(hostname) ||
      this.#allowed.has(host.host) ||
      (this.#allowsAddresses && isAddress(hostname))
    if (!isAllowed) throw hostRefused()
  }
}

const wildcards = new Set(['0.0.0.0', '[::]'])

const inURL = (host: string): string => (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host)

const isAddress = (hostname: string): boolean => hostname.startsWith('[') || isIPv4(hostname)

/** Returns a host of the options as a URL has it, with its port if it names one. */
function normalised(text: string): string {
  const host = typeof text === 'string' ? parsed(text) : undefined
  if (host === undefined)
    throw new InvalidOptionsError(
      `Invalid option allowedHosts: expected hosts such as 'agents.example.com' or 'agents.example.com:8443', got ${JSON.stringify(text)}`,
    )
  return /:\d+$/.test(text) ? portOf(host, text) : host.hostname
}

/** Returns a host with its port; a URL leaves out port 80. */
const portOf = ({ hostname }: URL, text: string): string =>
  text.endsWith(':80') ? hostname : `${hostname}:${text.slice(text.lastIndexOf(':') + 1)}`

/** Returns a host, with or without a port, as a URL; `undefined` for a text that is no host. */
export function parsed(host: string): URL | undefined {
  const isHost = /^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i.test(host)
  if (!isHost || !URL.canParse(`http://${host}`)) return undefined
  const url = new URL(`http://${host}`)
  // A name with a dot at its end is the same name.
  if (url.hostname.endsWith('.')) url.hostname = url.hostname.slice(0, -1)
  return url
}
