import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { gzipSync } from 'node:zlib'
import { lazily } from '../../config/validation.ts'

/** File of the view, as it is sent. */
export interface ViewFile {
  readonly type: string
  readonly content: Uint8Array<ArrayBuffer>
  /** Content for a client that reads gzip. */
  readonly gzipped: () => Uint8Array<ArrayBuffer>
  readonly etag: string
}

/** Files of the view by their path below the folder, such as `index.html` and `assets/index-1a2b.js`. */
export type ViewFiles = ReadonlyMap<string, ViewFile>

/** URL of the file that runs. A bundle as CommonJS has none. */
const here = (import.meta as Partial<ImportMeta>).url

/** Places of the folder beside the code: in the package's own files, and in the sources of the repository. */
const places = ['view/', 'gateway/view/', '../../../dist/gateway/view/']

/** Returns the files of the view; `undefined` if the package's files are not beside the code, as in a bundle. */
export function ownViewFiles(): ViewFiles | undefined {
  const folders = here === undefined ? [] : places.map((place) => new URL(place, here))
  const folder = folders.find((each) => existsSync(new URL('index.html', each)))
  return folder && readViewFiles(folder)
}

/** Reads the files of the view from a folder. They are few and small, so that they stay in memory. */
export function readViewFiles(folder: URL): ViewFiles {
  const names = readdirSync(new URL('assets/', folder)).map((name) => `assets/${name}`)
  const paths = ['index.html', ...names].filter((path) => extname(path) in types)
  return new Map(paths.map((path) => [path, viewFile(path, readFileSync(new URL(path, folder)))]))
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

const viewFile = (path: string, read: Buffer): ViewFile => {
  const content = new Uint8Array(read)
  const hash = createHash('sha256').update(content).digest('base64url').slice(0, 20)
  return {
    type: types[extname(path)] ?? '',
    content,
    gzipped: lazily(() => new Uint8Array(gzipSync(content, { level: 9 }))),
    etag: `"${hash}"`,
  }
}
