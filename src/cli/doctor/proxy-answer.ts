import type { ModelListAnswer } from '../../io/opencode/model-list.ts'
import { keyVariable } from '../flags.ts'
import { shown, withVersion } from './endpoint.ts'

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
        advice: `Give the final address: redirects are not followed, since the key would go along. ${path}`,
      }
    case 'html':
      return { finding: `${at} answers with a web page`, advice: path }
    case 'tooLarge':
      return { finding: `${at} answers without end`, advice: `That is no list of models. ${path}` }
    case 'other':
      return {
        finding: `${at} does not answer as OpenAI does, with { data: [{ id }] }`,
        advice: `Give an OpenAI-compatible endpoint. ${path}`,
      }
  }
}

function pathAdvice(url: URL): string {
  const versioned = withVersion(url)
  return versioned === undefined
    ? 'Check host, port and path: this is another service, or another path of it.'
    : `Is /v1 missing? Try --proxy ${shown(versioned)}; else check host, port and path.`
}

/** Returns the target of a redirect, without the parts that may hold a secret. */
function placeOf(location: string | undefined, url: URL, quote: (text: string) => string): string {
  if (location === undefined || !URL.canParse(location, url.href)) return 'nowhere'
  const { origin, pathname } = new URL(location, url)
  return quote(`${origin}${pathname}`)
}

function refused(status: number, message: string, at: string, path: string, hasKey: boolean): Explanation {
  const finding = `${at} answers ${status}${message === '' ? '' : `: ${message}`}`
  if (status === 401 && !hasKey) return { finding, advice: `It wants a key: export ${keyVariable}='…'.` }
  if (status === 401)
    return { finding, advice: `Check the key in ${keyVariable}: it is wrong, expired, or of another proxy.` }
  if (status === 403)
    return {
      finding,
      advice: 'The key is known, but may not list models here: give it that right, or use another.',
    }
  if (status === 404 || status === 405) return { finding, advice: path }
  if (status === 407)
    return {
      finding,
      advice: 'An HTTP proxy in between wants a login: see HTTP_PROXY, HTTPS_PROXY and NO_PROXY.',
    }
  if (status === 429)
    return { finding, advice: 'The key or its budget is over its limit: wait, or raise the limit.' }
  if (status >= 500)
    return { finding, advice: 'The proxy itself is not well, or what is behind it: see its log.' }
  return { finding, advice: `The proxy refuses the request: see its log, and the key in ${keyVariable}.` }
}

function lostOnTheWay(code: string, message: string, { host, hostname }: URL, via: string): Explanation {
  const why = message === '' ? code : `${code}: ${message}`
  return {
    finding: `${host} is not reached through the HTTP proxy ${via} (${why})`,
    advice: `Correct that variable, see to that proxy, or add ${hostname} to NO_PROXY.`,
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
      finding: `${host} gives no answer within ${limitMs / 1000} s`,
      advice: 'Check the address, and what is on the way: a firewall, a VPN, an HTTP proxy.',
    }
  if (code === 'ECONNREFUSED')
    return {
      finding: `nothing listens at ${host}`,
      advice: `Start the proxy, or correct its port. ${inContainer}`,
    }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return {
      finding: `the name ${hostname} has no address here (${code})`,
      advice: 'Correct the name, or see to DNS: /etc/hosts, the network of the container, a VPN.',
    }
  if (/^(EHOSTUNREACH|ENETUNREACH)$/.test(code))
    return { finding: `there is no way to ${host} (${code})`, advice: 'Check the address and the network.' }
  if (tlsCode.test(code)) return tls(code, message, host)
  const finding = `${host} breaks the connection off (${code}${message === '' ? '' : `: ${message}`})`
  const other = protocol === 'http:' ? 'https' : 'http'
  return { finding, advice: `Check what listens there; is it an ${other} port? Then give ${other}://.` }
}

function tls(code: string, message: string, host: string): Explanation {
  const finding = `${host} cannot be trusted, or speaks no TLS (${code})`
  if (/WRONG_VERSION|PACKET_LENGTH|EPROTO/.test(code) || /wrong version number|packet length/i.test(message))
    return { finding, advice: 'Is it a plain http port? Then give http://.' }
  if (/EXPIRED|NOT_YET_VALID/.test(code))
    return { finding, advice: 'Renew its certificate; and check the clock of this machine.' }
  if (/ALTNAME|HOSTNAME/.test(code)) return { finding, advice: 'Use a name that is in its certificate.' }
  return {
    finding,
    advice:
      'Put the CA that signed its certificate into a file, and name that in NODE_EXTRA_CA_CERTS; a server gets the variable too.',
  }
}
