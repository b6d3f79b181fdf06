/** Link that may be opened. */
export interface SafeLink {
  href: string
  /** Host, if the text of the link could be taken for another address. */
  host: string | undefined
}

const schemes = new Set(['http:', 'https:', 'mailto:'])

/**
 * Returns a link that may be opened; `undefined` for any other address. A path without a host would lead into this
 * view, and is no link.
 *
 * @param href - The address as it is written.
 * @param text - The text of the link.
 */
export function safeLink(href: string, text: string): SafeLink | undefined {
  // The parser of addresses ignores white space and control characters, which could hide a scheme.
  if (!/^[a-z]+:/i.test(href) || /[\s\p{Cc}]/u.test(href)) return undefined
  const url = parsed(href)
  if (!url || !schemes.has(url.protocol)) return undefined
  return { href: url.href, host: isMisleading(url, text) ? url.host : undefined }
}

function parsed(href: string): URL | undefined {
  try {
    return new URL(href)
  } catch {
    return undefined
  }
}

/** Returns whether a link's text looks like an address of another host. A user name may look like a host, too. */
function isMisleading(url: URL, text: string): boolean {
  if (url.protocol === 'mailto:') return false
  if (url.username !== '' || url.hostname.includes('xn--')) return true
  const shown = addressIn(text)
  return shown !== undefined && !sameHost(shown, url.hostname)
}

/** Returns the host of an address within a text; a text that is a name of a host counts, too. */
function addressIn(text: string): string | undefined {
  const withScheme = /(?:https?:\/\/|www\.)([\w-]+(?:\.[\w-]+)+)/i.exec(text)?.[1]
  const name = /^[^\w]*((?:[\w-]+\.)+(?:com|org|net|gov|edu|app|dev|[a-z]{2}))(?:[/?#:].*)?$/i.exec(
    text.slice(0, 300),
  )?.[1]
  return withScheme ?? name
}

const sameHost = (a: string, b: string): boolean =>
  a.toLowerCase().replace(/^www\./, '') === b.toLowerCase().replace(/^www\./, '')

/** Longest image that is shown, in characters of its address. */
const longestImage = 2_000_000

/** Returns whether an image is in its own address. SVG is left out: it is a document, which could load others. */
export const isSafeImage = (href: string): boolean =>
  href.length <= longestImage && /^data:image\/(?:png|jpe?g|gif|webp|avif);base64,[\w+/=]+$/i.test(href)
