import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Transport } from '../../../../src/io/opencode/transport.ts'

/** Starts a server that answers every request, and counts the requests. */
async function answering() {
  const asked: string[] = []
  const directories: unknown[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    directories.push(request.headers['x-opencode-directory'])
    response.setHeader('content-type', 'application/json')
    response.end('{"healthy":true}')
  }).listen(0, '127.0.0.1')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const endpoint = { baseURL: `http://127.0.0.1:${port}`, username: 'opencode', password: undefined }
  return { asked, directories, transport: () => new Transport(endpoint) }
}

describe('Transport', () => {
  it('sends no request if it is closed before its HTTP client is loaded', async () => {
    const { asked, transport } = await answering()
    const closed = transport()
    const before = [closed.json('/a'), closed.stream('/b', new AbortController().signal)]
    closed.close()
    const outcomes = await Promise.allSettled([...before, closed.json('/c')])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(asked).toEqual([])
  })

  it.each(['/a%2Fb', '/100%', '/x+y#z?&=', '/s p"\'', '/caf\u00e9', '/cafe\u0301', '/🐢', '/new\nline'])(
    'sends the directory %j in a header that is decoded once, and never in the query',
    async (directory) => {
      const { asked, directories, transport } = await answering()
      const open = transport()
      onTestFinished(() => open.close())
      await open.json('/a', { directory, query: { search: 'x y' } })
      expect(asked).toEqual(['/a?search=x+y'])
      expect(directories).toEqual([encodeURIComponent(directory)])
    },
  )

  it('sends no header without a directory', async () => {
    const { directories, transport } = await answering()
    const open = transport()
    onTestFinished(() => open.close())
    await open.json('/a', { directory: '' })
    await open.json('/a')
    expect(directories).toEqual([undefined, undefined])
  })

  it('sends no request if the signal aborts before', async () => {
    const { asked, transport } = await answering()
    const abort = new AbortController()
    const open = transport()
    onTestFinished(() => open.close())
    const call = open.json('/a', { signal: abort.signal, isAlone: true })
    abort.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
    expect(asked).toEqual([])
    expect(await open.json('/b')).toEqual({ healthy: true })
  })

  it('rejects calls if its HTTP client cannot be loaded, without an unhandled rejection', async () => {
    vi.doMock('undici', () => {
      throw new Error('not installed')
    })
    onTestFinished(() => vi.doUnmock('undici'))
    vi.resetModules()
    const { Transport: Broken } = await import('../../../../src/io/opencode/transport.ts')
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    onTestFinished(() => void process.off('unhandledRejection', unhandled))
    const broken = new Broken({ baseURL: 'http://127.0.0.1:9', username: 'opencode', password: undefined })
    broken.close()
    await expect(broken.json('/a')).rejects.toThrow()
    await setImmediate()
    expect(unhandled).not.toHaveBeenCalled()
  })

  it('loads its HTTP client again at the next call after a failure', async () => {
    const { asked, transport } = await answering()
    const { baseURL } = transport()
    vi.doMock('undici', () => {
      throw new Error('its files are being replaced')
    })
    onTestFinished(() => vi.doUnmock('undici'))
    vi.resetModules()
    const { Transport: Mended } = await import('../../../../src/io/opencode/transport.ts')
    const mended = new Mended({ baseURL, username: 'opencode', password: undefined })
    onTestFinished(() => mended.close())
    await expect(mended.json('/a')).rejects.toThrow()
    vi.doUnmock('undici')
    expect(await mended.json('/b')).toEqual({ healthy: true })
    expect(asked).toEqual(['/b'])
  })
})
