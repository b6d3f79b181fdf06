import {
  createServer,
  request as forward,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OpenCodeEvent } from '../../src/index.ts'

/** Fate of a frame: it passes, the stream is cut at it, or the last `again` frames are repeated after it. */
export type Fate = 'pass' | 'cutBefore' | 'cutWithin' | 'cutAfter' | { again: number }

/** Faults of the event stream through a proxy; may be changed at any time. */
export interface StreamFaults {
  /** Decides on each frame of the sessions that were prompted through the proxy, and of their children. */
  onFrame: (event: OpenCodeEvent) => Fate
  /** Delay before each frame, in ms. */
  delayMs: number
  /** Size of the pieces in which bytes are sent, whatever they cut; 0 for whole frames. */
  pieceBytes: number
  /** True to reject new streams, alternately by closing the connection and by a 503. */
  isRefusing: boolean
}

/** Proxy between the runtime and a server. Passes everything, but can cut, stall and split the event stream. */
export interface StreamProxy {
  readonly baseURL: string
  readonly faults: StreamFaults
  /** Number of streams that were opened, and of those that were rejected. */
  readonly counts: { opened: number; refused: number }
  /** Cuts all open streams. */
  cut(): void
  /** Holds all frames back, and keeps the connections. */
  stall(): void
  /** Sends the frames that a stall held back. */
  resume(): void
  close(): Promise<void>
}

/** Starts a proxy on a loopback port, in front of the server at `target`. */
export async function startStreamProxy(
  target: string,
  faults: Partial<StreamFaults> = {},
): Promise<StreamProxy> {
  const proxy = new Proxy(target, faults)
  await proxy.listen()
  return proxy
}

class Proxy implements StreamProxy {
  readonly faults: StreamFaults
  readonly counts = { opened: 0, refused: 0 }
  readonly #target: URL
  readonly #cuts = new Set<() => void>()
  readonly #sessions = new Set<string>()
  readonly #server = createServer(this.#listener())
  #released: Promise<void> = Promise.resolve()
  #release: () => void = () => undefined

  constructor(target: string, faults: Partial<StreamFaults>) {
    this.#target = new URL(target)
    this.faults = { onFrame: () => 'pass', delayMs: 0, pieceBytes: 0, isRefusing: false, ...faults }
  }

  get baseURL(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  cut(): void {
    for (const cut of this.#cuts) cut()
  }

  stall(): void {
    this.#released = new Promise((resolve) => (this.#release = resolve))
  }

  resume(): void {
    this.#release()
  }

  close(): Promise<void> {
    this.resume()
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  #listener(): RequestListener {
    return (request, response) => {
      const isStream = request.url?.startsWith('/global/event') === true
      if (isStream && this.faults.isRefusing) return this.#refuse(response)
      const { method, url = '/', headers } = request
      this.#sessions.add(/^\/session\/(\w+)\/prompt_async/.exec(url)?.[1] ?? '')
      const upstream = forward(new URL(url, this.#target), { method, headers, agent: false })
      upstream.on('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        if (isStream && answer.statusCode === 200) void this.#pump(answer, response)
        else answer.pipe(response)
      })
      upstream.on('error', () => response.destroy())
      response.on('close', () => upstream.destroy())
      request.pipe(upstream)
    }
  }

  #refuse(response: ServerResponse): void {
    this.counts.refused++
    if (this.counts.refused % 2 === 1) response.destroy()
    else response.writeHead(503).end('not now')
  }

  async #pump(from: IncomingMessage, to: ServerResponse): Promise<void> {
    this.counts.opened++
    // Written data is sent first, so that a frame is cut exactly at the given point.
    const cut = () => to.socket?.destroySoon()
    this.#cuts.add(cut)
    to.once('close', () => this.#cuts.delete(cut))
    to.flushHeaders()
    const sent: Buffer[] = []
    try {
      for await (const frame of frames(from)) {
        await this.#released
        if (this.faults.delayMs > 0) await sleep(this.faults.delayMs)
        const event = eventOf(frame)
        const fate = event && this.#isOwn(event) ? this.faults.onFrame(event) : 'pass'
        if (fate === 'cutBefore') return cut()
        if (fate === 'cutWithin') await this.#write(to, frame.subarray(0, frame.length / 2))
        else await this.#write(to, frame)
        if (fate === 'cutWithin' || fate === 'cutAfter') return cut()
        sent.push(frame)
        if (typeof fate === 'object') for (const old of sent.slice(-fate.again)) await this.#write(to, old)
      }
      to.end()
    } catch {
      to.destroy()
    }
  }

  #isOwn({ properties }: OpenCodeEvent): boolean {
    const { sessionID, info } = properties as { sessionID?: string; info?: { id: string; parentID?: string } }
    if (this.#sessions.has(info?.parentID ?? '') && info?.id.startsWith('ses')) this.#sessions.add(info.id)
    return sessionID !== undefined && this.#sessions.has(sessionID)
  }

  async #write(to: ServerResponse, bytes: Buffer): Promise<void> {
    const size = this.faults.pieceBytes > 0 ? this.faults.pieceBytes : bytes.length
    for (let at = 0; at < bytes.length && !to.destroyed; at += size) {
      to.write(bytes.subarray(at, at + size))
      if (size < bytes.length) await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

/** Yields frames, each with its final empty line. */
async function* frames(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  let rest = Buffer.alloc(0)
  for await (const chunk of bytes) {
    rest = Buffer.concat([rest, chunk])
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      yield rest.subarray(0, end + 2)
      rest = rest.subarray(end + 2)
    }
  }
}

function eventOf(frame: Buffer): OpenCodeEvent | undefined {
  const text = frame.toString()
  if (!text.startsWith('data:')) return undefined
  const { payload } = JSON.parse(text.slice('data:'.length)) as { payload?: OpenCodeEvent }
  return payload === undefined || payload.type === 'sync' ? undefined : payload
}
