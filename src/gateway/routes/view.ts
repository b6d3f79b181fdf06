import { z } from 'zod'
import { lazily } from '../../config/validation.ts'
import { notFound } from '../http/problems.ts'
import { route, type Route } from '../http/route.ts'
import type { GatewayPart } from '../part.ts'
import { ownViewFiles, type ViewFile, type ViewFiles } from '../http/view-files.ts'

/**
 * Content that the pages may load: files of the gateway itself, and images that a script has made. No page of another
 * site may show the view in a frame.
 */
const policy =
  "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

/** Paths of the pages. All of them are the same file: a script shows the page. */
const pages = ['/', '/approvals', '/agents/{id}', '/turns/{id}', '/usage'] as const

/**
 * Part that serves the view. Its files hold no data, so that they need no token.
 *
 * @param find - returns the files; those of the package by default
 */
export const viewPart = (find: () => ViewFiles | undefined = ownViewFiles): GatewayPart => {
  const files = lazily(() => find() ?? new Map<string, ViewFile>())
  return { routes: [...pages.map((path) => pageRoute(path, files)), assetRoute(files)] }
}

const shared = { method: 'get', tag: 'View', scopes: 'open', isHidden: true } as const

const pageRoute = (path: (typeof pages)[number], files: () => ViewFiles): Route =>
  route({
    ...shared,
    id: 'viewPage',
    path,
    summary: 'Shows a page of the view',
    ...(path.includes('{id}') && { params: { id: z.string() } }),
    answers: { 200: { description: 'The page', types: ['text/html'] } },
    // A changed package has another page: the browser asks each time, and gets the page only if it has changed.
    handle: ({ raw }) => answer(files().get('index.html'), raw, 'no-cache'),
  })

const assetRoute = (files: () => ViewFiles): Route =>
  route({
    ...shared,
    id: 'viewAsset',
    path: '/assets/{file}',
    summary: 'Reads a file of the view',
    params: { file: z.string() },
    answers: { 200: { description: 'The file' } },
    // The name holds the hash of the content, so that a file never changes.
    handle: ({ raw, params: { file } }) =>
      answer(files().get(`assets/${file}`), raw, 'public, max-age=31536000, immutable'),
  })

function answer(file: ViewFile | undefined, { headers }: Request, caching: string): Response {
  if (!file) throw notFound('ERR_OPENCODE_NOT_FOUND', 'The gateway has no such file of the view')
  const { etag, type, content, gzipped } = file
  const common = {
    'cache-control': caching,
    'content-security-policy': policy,
    etag,
    'referrer-policy': 'same-origin',
    vary: 'accept-encoding',
    'x-content-type-options': 'nosniff',
  }
  if (headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers: common })
  const isGzip = /\bgzip\b/.test(headers.get('accept-encoding') ?? '')
  return new Response(isGzip ? gzipped() : content, {
    headers: { ...common, 'content-type': type, ...(isGzip && { 'content-encoding': 'gzip' }) },
  })
}
