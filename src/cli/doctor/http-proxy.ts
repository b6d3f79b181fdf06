import { httpProxyFor, type HttpProxy } from '../../io/opencode/http-proxy.ts'
import type { Check } from './context.ts'
import { endpointOf } from '../../io/opencode/endpoint.ts'
import { failure, ok, skipped, warning, type Finding } from './finding.ts'

const check = 'http proxy'
const variables = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'] as const

/**
 * Checks whether model calls would go through an HTTP proxy of this machine's environment. Such a proxy sees
 * what is asked, and the key of an `http:` endpoint. Loopback is always exempt, because a server's NO_PROXY
 * says so.
 */
export const checkHttpProxy: Check = ({ env, serverEnv, proxy }) => {
  const set = variables.filter((name) => (env[name] ?? '').trim() !== '')
  const list = set.join(' and ')
  if (set.length === 0) return [ok(check, 'HTTP_PROXY and HTTPS_PROXY are not set')]
  const endpoint = proxy === undefined ? undefined : endpointOf(proxy)
  if (endpoint === undefined)
    return [skipped(check, `${list} is set: give --proxy to check whether it applies`)]
  const between = httpProxyFor(endpoint.url, serverEnv)
  if (between === undefined)
    return [ok(check, `${list} is set, but ${endpoint.url.hostname} is reached directly`)]
  return [through(endpoint.url, between)]
}

/** Returns the HTTP proxy on the way to a URL, as `host (VARIABLE)`; `undefined` if there is none. */
export function viaOf(url: URL, serverEnv: Record<string, string>): string | undefined {
  const between = httpProxyFor(url, serverEnv)
  return between && `${hostOf(between.url) ?? 'with an invalid URL'} (${between.variable})`
}

function through({ hostname, protocol }: URL, { variable, url }: HttpProxy): Finding {
  const way = hostOf(url)
  const exempt = `or add ${hostname} to NO_PROXY`
  if (way === undefined)
    return failure(check, `${variable} is not an http or https URL`, `Set it to http://host:port, ${exempt}.`)
  const sees = protocol === 'http:' ? ', which can read the key and all prompts' : ''
  return warning(
    check,
    `${hostname} is reached through ${way} (${variable})${sees}`,
    `Keep it if that is intended, ${exempt}.`,
  )
}

function hostOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { protocol, host } = new URL(text)
  return /^https?:$/.test(protocol) ? host : undefined
}
