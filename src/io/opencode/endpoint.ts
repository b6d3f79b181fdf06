/** Endpoint of the models that can be requested and shown. */
export interface Endpoint {
  /** URL without user name, password, query and fragment. */
  url: URL
  /** Parts that were removed from the URL. */
  leftOut: ('credentials' | 'query')[]
}

/** Returns the endpoint of a base URL; `undefined` if it is not an http or https URL. */
export function endpointOf(baseURL: string): Endpoint | undefined {
  if (!URL.canParse(baseURL)) return undefined
  const url = new URL(baseURL)
  if (!/^https?:$/.test(url.protocol)) return undefined
  const leftOut: Endpoint['leftOut'] = []
  if (url.username !== '' || url.password !== '') leftOut.push('credentials')
  if (url.search !== '' || url.hash !== '') leftOut.push('query')
  url.username = url.password = url.search = url.hash = ''
  return { url, leftOut }
}

/** Returns the URL as a user writes it: without a slash at its end. */
export const shown = (url: URL): string => url.href.replace(/\/+$/, '')

/** Returns the endpoint of a base URL as a user writes it, without the parts that may hold a secret. */
export function shownEndpoint(baseURL: string): string | undefined {
  const endpoint = endpointOf(baseURL)
  return endpoint && shown(endpoint.url)
}

/** Returns the endpoint with `/v1` appended; `undefined` if its path already ends in a version. */
export function withVersion(url: URL): URL | undefined {
  if (/\/v\d+\w*\/*$/.test(url.pathname)) return undefined
  return new URL(`${shown(url)}/v1`)
}

/** Returns the endpoint itself if the URL is the path of one of its calls; otherwise `undefined`. */
export function withoutCall(url: URL): URL | undefined {
  const path = url.pathname.replace(/\/(chat\/completions|completions|responses|models|embeddings)\/*$/, '')
  return path === url.pathname ? undefined : new URL(path === '' ? '/' : path, url)
}
