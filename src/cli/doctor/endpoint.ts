/** A `--proxy` that can be asked, and shown. */
export interface Endpoint {
  /** Without user name, password, query and fragment. */
  url: URL
  /** What was left out of it. */
  leftOut: ('credentials' | 'query')[]
}

/** Reads `--proxy`; `undefined` where it is no http or https URL. */
export function endpointOf(proxy: string): Endpoint | undefined {
  if (!URL.canParse(proxy)) return undefined
  const url = new URL(proxy)
  if (!/^https?:$/.test(url.protocol)) return undefined
  const leftOut: Endpoint['leftOut'] = []
  if (url.username !== '' || url.password !== '') leftOut.push('credentials')
  if (url.search !== '' || url.hash !== '') leftOut.push('query')
  url.username = url.password = url.search = url.hash = ''
  return { url, leftOut }
}

/** As a user writes it: without a slash at its end. */
export const shown = (url: URL): string => url.href.replace(/\/+$/, '')

/** The same endpoint with `/v1`; `undefined` where its path ends in a version already. */
export function withVersion(url: URL): URL | undefined {
  if (/\/v\d+\w*\/*$/.test(url.pathname)) return undefined
  return new URL(`${shown(url)}/v1`)
}

/** The endpoint itself, where the path of one of its calls was given; else `undefined`. */
export function withoutCall(url: URL): URL | undefined {
  const path = url.pathname.replace(/\/(chat\/completions|completions|responses|models|embeddings)\/*$/, '')
  return path === url.pathname ? undefined : new URL(path === '' ? '/' : path, url)
}
