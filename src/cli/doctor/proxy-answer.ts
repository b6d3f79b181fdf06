import type { ModelListAnswer } from '../../io/opencode/model-list.ts'
import { keyVariable } from '../flags.ts'
import { shown, withVersion } from '../../io/opencode/endpoint.ts'

/** Meaning of an answer without models, with advice. */
export interface Explanation {
  finding: string
  advice: string
}

/** Facts about the request, besides its answer. */
export interface Circumstances {
  hasKey: boolean
  timeLimitMs: number
  /** HTTP proxy on the way to the endpoint, as `host (VARIABLE)`. */
  via: string | undefined
  /** Makes another program's text safe to show. */
  quote: (text: string) => string
}

type NoModels = Exclude<ModelListAnswer, { kind: 'models' }>

/** Explains an answer that is not a list of models. */
export function explain(answer: NoModels, url: URL, about: Circumstances): Explanation {
  const at = `${shown(url)}/models`
  const path = pathAdvice(url)
  switch (answer.kind) {
    case 'failed':
      return about.via === undefined
        ? unreachable(answer.code, about.quote(answer.message), url, about.timeLimitMs)
        : lostOnTheWay(answer.code, about.quote(answer.message), url, about.via)
    case 'refused':
      return refused(answer.status, about.quote(answer.message), at, path, about.hasKey)
    case 'redirect':
      return {
        finding: `${at} redirects (${answer.status}) to ${placeOf(answer.location, url, about.quote)}`,
        advice: `Give the final address. Redirects are not followed, because the key would be sent along. ${path}`,
      }
    case 'html':
      return { finding: `${at} answers with a web page`, advice: path }
    case 'tooLarge':
      return { finding: `${at} sends too much data for a list of models`, advice: path }
    case 'other':
      return {
        finding: `${at} does not answer with a list of models as OpenAI does: { data: [{ id }] }`,
        advice: `Give an OpenAI-compatible endpoint. ${path}`,
      }
  }
}

function pathAdvice(url: URL): string {
  const versioned = withVersion(url)
  return versioned === undefined
    ? 'Check host, port and path: the URL belongs to another service or to another path.'
    : `Is /v1 missing? Try --proxy ${shown(versioned)}. Otherwise, check host, port and path.`
}

/** Returns the target of a redirect, without the parts that may hold a secret. */
function placeOf(location: string | undefined, url: URL, quote: (text: string) => string): string {
  if (location === undefined || !URL.canParse(location, url.href)) return 'an invalid address'
  const { origin, pathname } = new URL(location, url)
  return quote(`${origin}${pathname}`)
}

function refused(status: number, message: string, at: string, path: string, hasKey: boolean): Explanation {
  const finding = `${at} answers ${status}${message === '' ? '' : `: ${message}`}`
  if (status === 401 && !hasKey)
    return { finding, advice: `The proxy requires a key: export ${keyVariable}='…'.` }
  if (status === 401)
    return { finding, advice: `Check the key in ${keyVariable}: it is wrong, expired, or for another proxy.` }
  if (status === 403)
    return {
      finding,
      advice: 'The key is valid but may not list models: grant it that right, or use another key.',
    }
  if (status === 404 || status === 405) return { finding, advice: path }
  if (status === 407)
    return {
      finding,
      advice: 'An HTTP proxy on the way requires a login: check HTTP_PROXY, HTTPS_PROXY and NO_PROXY.',
    }
  if (status === 429)
    return { finding, advice: 'The key or its budget is over its limit: wait, or raise the limit.' }
  if (status >= 500)
    return { finding, advice: 'The proxy, or a service behind it, has failed: check the log of the proxy.' }
  return { finding, advice: `The proxy rejects the request: check its log, and the key in ${keyVariable}.` }
}

function lostOnTheWay(code: string, message: string, { host, hostname }: URL, via: string): Explanation {
  const why = message === '' ? code : `${code}: ${message}`
  return {
    finding: `${host} cannot be reached through the HTTP proxy ${via} (${why})`,
    advice: `Correct that variable, fix the HTTP proxy, or add ${hostname} to NO_PROXY.`,
  }
}

const tlsCode = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO$|HOSTNAME_MISMATCH)/

function unreachable(
  code: string,
  message: string,
  { host, hostname, protocol }: URL,
  limitMs: number,
): Explanation {
  const inContainer = 'In a container, 127.0.0.1 is the container itself.'
  if (code === 'TIMEOUT' || /TIMEOUT|ETIMEDOUT/.test(code))
    return {
      finding: `${host} does not answer within ${limitMs / 1000} s`,
      advice: 'Check the address and the network path: firewall, VPN, HTTP proxy.',
    }
  if (code === 'ECONNREFUSED')
    return {
      finding: `nothing listens at ${host}`,
      advice: `Start the proxy, or correct its port. ${inContainer}`,
    }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return {
      finding: `the name ${hostname} cannot be resolved (${code})`,
      advice: 'Correct the name, or check DNS: /etc/hosts, the network of the container, the VPN.',
    }
  if (/^(EHOSTUNREACH|ENETUNREACH)$/.test(code))
    return { finding: `there is no route to ${host} (${code})`, advice: 'Check the address and the network.' }
  if (tlsCode.test(code)) return tls(code, message, host)
  const finding = `${host} closes the connection (${code}${message === '' ? '' : `: ${message}`})`
  const other = protocol === 'http:' ? 'https' : 'http'
  return { finding, advice: `Check what listens there. If it is an ${other} port, give ${other}://.` }
}

function tls(code: string, message: string, host: string): Explanation {
  const finding = `${host} has no trusted certificate, or does not speak TLS (${code})`
  if (/WRONG_VERSION|PACKET_LENGTH|EPROTO/.test(code) || /wrong version number|packet length/i.test(message))
    return { finding, advice: 'If it is a plain http port, give http://.' }
  if (/EXPIRED|NOT_YET_VALID/.test(code))
    return { finding, advice: 'Renew the certificate, and check the clock of this machine.' }
  if (/ALTNAME|HOSTNAME/.test(code))
    return { finding, advice: 'Use a host name that the certificate covers.' }
  return {
    finding,
    advice:
      'Save the certificate of the signing CA in a file, and set NODE_EXTRA_CA_CERTS to its path. Servers inherit that variable.',
  }
}
