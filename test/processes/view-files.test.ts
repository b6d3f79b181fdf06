import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type * as gatewayModule from '../../src/gateway/index.ts'
import type * as mainModule from '../../src/index.ts'
import { buildPackage } from '../support/built-cli.ts'

/** Most bytes of all files of the view together, each gzipped. */
const mostBytes = 60_000

let dist: string
let fleet: mainModule.Fleet
let gateway: gatewayModule.Gateway

beforeAll(async () => {
  dist = await buildPackage()
  const load = <T>(name: string) => import(pathToFileURL(join(dist, name)).href) as Promise<T>
  const { Fleet } = await load<typeof mainModule>('index.js')
  const { createGateway } = await load<typeof gatewayModule>('gateway/index.js')
  fleet = new Fleet({
    dataDir: join(dirname(dist), 'data'),
    defaults: { proxy: { baseURL: 'http://127.0.0.1:9/v1' }, models: ['m'] },
  })
  gateway = createGateway({ fleet })
  await gateway.ready
}, 240_000)
afterAll(async () => {
  await gateway.close()
  await fleet.close()
})

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  gateway.fetch(new Request(`http://127.0.0.1${path}`, { headers, method }))

const policy =
  "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

describe('the files of the view', () => {
  it(`are no larger than ${mostBytes / 1_000} kB in all, gzipped`, () => {
    const folder = join(dist, 'gateway/view')
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(html|js|css|svg)$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
    const sizes = files.map((file) => gzipSync(readFileSync(file), { level: 9 }).length)
    expect(files.length).toBeGreaterThanOrEqual(4)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(mostBytes)
  })

  it('come without a token, at the path of each page, and allow content of the gateway only', async () => {
    for (const path of [
      '/',
      '/?q=a&q=b',
      '/approvals',
      '/agents/a1',
      '/agents/a%20b',
      '/turns/t1',
      '/usage',
    ]) {
      const answer = await get(path)
      expect([path, answer.status, answer.headers.get('content-security-policy')]).toEqual([
        path,
        200,
        policy,
      ])
      expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(await answer.text()).toContain('<div id="view">')
    }
    expect((await get('/agents/a1/b')).status).toBe(404)
    expect((await get('/', {}, 'POST')).status).toBe(405)
    expect(await (await get('/', {}, 'HEAD')).text()).toBe('')
  })

  it('hold no inline script and no inline style, which the policy would refuse', async () => {
    const html = await (await get('/')).text()
    expect(html).not.toMatch(/<style|style=|<script(?![^>]* src=)|\son\w+=/)
    expect([...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = '']) => url.slice(0, 8))).toEqual([
      ...['/assets/', '/assets/', '/assets/'],
    ])
  })

  it('are kept by a browser as long as they cannot change', async () => {
    const page = await get('/')
    expect(page.headers.get('cache-control')).toBe('no-cache')
    const etag = page.headers.get('etag') ?? ''
    const same = await get('/usage', { 'if-none-match': etag })
    expect([same.status, await same.text(), same.headers.get('content-security-policy')]).toEqual([
      ...[304, '', policy],
    ])
    const script = /src="([^"]+\.js)"/.exec(await page.text())?.[1] ?? ''
    const asset = await get(script)
    expect([asset.status, asset.headers.get('cache-control'), asset.headers.get('content-type')]).toEqual([
      ...[200, 'public, max-age=31536000, immutable', 'text/javascript; charset=utf-8'],
    ])
    const packed = await get(script, { 'accept-encoding': 'br, gzip' })
    expect(packed.headers.get('content-encoding')).toBe('gzip')
    expect(gunzipSync(await packed.arrayBuffer()).toString()).toBe(await asset.text())
  })

  it('are those of the build only', async () => {
    for (const path of [
      '/assets/none.js',
      '/assets/..%2findex.html',
      '/assets/..%2f..%2findex.js',
      '/favicon.ico',
    ])
      expect([path, (await get(path)).status]).toEqual([path, 404])
  })
})
