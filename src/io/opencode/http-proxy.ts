/** Proxy between a server and a URL, and the variable that names it. */
export interface HttpProxy {
  variable: string
  url: string
}

/**
 * Returns the HTTP proxy through which opencode requests a URL; `undefined` if opencode connects directly.
 * @remarks Observed in opencode 1.18.33: its runtime reads lower-case variables first, and no `ALL_PROXY`.
 *   `NO_PROXY` lists hosts, domains with all their subdomains (with or without a leading dot), `host:port`
 *   for a port that the URL spells out, or `*`. It supports no `*.domain`, no networks, and IPv6 addresses in
 *   brackets only.
 */
export function httpProxyFor(url: URL, env: Record<string, string | undefined>): HttpProxy | undefined {
  const names = url.protocol === 'https:' ? ['https_proxy', 'HTTPS_PROXY'] : ['http_proxy', 'HTTP_PROXY']
  const variable = names.find((name) => filled(env[name]))
  if (variable === undefined) return undefined
  const exempt = [env['no_proxy'], env['NO_PROXY']].find(filled) ?? ''
  return isListed(url, exempt) ? undefined : { variable, url: (env[variable] ?? '').trim() }
}

const filled = (value: string | undefined): boolean => (value ?? '').trim() !== ''

function isListed({ host, hostname }: URL, noProxy: string): boolean {
  const entries = noProxy
    .toLowerCase()
    .split(',')
    .map((entry) => entry.trim().replace(/^\./, ''))
    .filter((entry) => entry !== '')
  return entries.some(
    (entry) => entry === '*' || entry === host || entry === hostname || hostname.endsWith(`.${entry}`),
  )
}
