import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { tested } from '../../src/io/opencode/versions.ts'
import type { OpenCodeEvent } from '../../src/replies.ts'
import { ServerState, type Recording } from './recordings.ts'

/**
 * Fake opencode server for connections. Plays a recorded turn event by event, under control of the test, and answers
 * requests according to the events so far.
 */
export class PlaybackServer {
  readonly #recording: Recording
  readonly #streams = new Set<ServerResponse>()
  readonly #hooks: { path: string; run: (response: ServerResponse) => unknown }[] = []
  #events: OpenCodeEvent[] = []
  #at = 0
  #prompted: (() => void) | undefined
  /** Promise that resolves when the prompt arrives. */
  readonly prompted = new Promise<void>((resolve) => {
    this.#prompted = resolve
  })
  baseURL = ''

  constructor(recording: Recording) {
    this.#recording = recording
  }

  static async start(recording: Recording): Promise<PlaybackServer> {
    const playback = new PlaybackServer(recording)
    const server = createServer((request, response) => void playback.#answer(request, response))
    await new Promise((listening) => server.listen(0, '127.0.0.1', () => listening(undefined)))
    playback.baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    return playback
  }

  /** Plays the recording up to an event. Events without an open stream are lost. */
  playTo(end = this.#events.length): void {
    for (const event of this.#events.slice(this.#at, end)) {
      // This event belongs to the connection of the recording.
      if (event.type === 'server.connected') continue
      for (const stream of this.#streams) send(stream, event)
    }
    this.#at = Math.max(this.#at, end)
  }

  /** Cuts the event stream. */
  cut(): void {
    for (const stream of this.#streams) stream.destroy()
    this.#streams.clear()
  }

  /** Runs a function before the next answer to a path. If it returns true, it has answered the request. */
  beforeNext(path: string, run: (response: ServerResponse) => unknown): void {
    this.#hooks.push({ path, run })
  }

  /** Answers a request with the present state, but after a delay in which a cut stream is open again. */
  answerLate(response: ServerResponse, path: string): void {
    const body = JSON.stringify(this.#read(path))
    setTimeout(() => response.setHeader('content-type', 'application/json').end(body), 300)
  }

  /** Returns the index of the first matching event. */
  indexOf(matches: (event: OpenCodeEvent) => boolean): number {
    return this.#recording.events.findIndex(matches)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '', this.baseURL).pathname.replace(this.#recording.sessionID, '{id}')
    const hook = this.#hooks.findIndex((each) => each.path === path)
    if (hook >= 0 && this.#hooks.splice(hook, 1)[0]?.run(response) === true) return
    if (path === '/global/event') {
      this.#stream(response)
      return
    }
    if (path === '/tui/append-prompt')
      for (const stream of this.#streams)
        send(stream, { type: 'tui.prompt.append', properties: { text: '' } })
    if (path === '/session/{id}/prompt_async') {
      this.#take((await bodyOf(request)) as { messageID: string })
      response.writeHead(204).end()
      return
    }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(this.#read(path)))
  }

  #stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    this.#streams.add(response)
    send(response, { type: 'server.connected', properties: {} })
  }

  #take({ messageID }: { messageID: string }): void {
    const text = JSON.stringify(this.#recording.events).replaceAll(this.#recording.userMessageID, messageID)
    this.#events = JSON.parse(text) as OpenCodeEvent[]
    this.#prompted?.()
  }

  #read(path: string): unknown {
    const state = new ServerState(this.#events.slice(0, this.#at))
    if (path === '/global/health') return { healthy: true, version: tested.to }
    if (path === '/session' || path === '/session/{id}')
      return { id: this.#recording.sessionID, directory: '/w' }
    if (path === '/session/status') return state.status
    if (path === '/session/{id}/message') return state.messages(this.#recording.sessionID)
    if (path === '/permission' || path === '/question') return []
    return true
  }
}

function send(stream: ServerResponse, event: OpenCodeEvent): void {
  stream.write(`data: ${JSON.stringify({ directory: '/w', payload: event })}\n\n`)
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString()) as unknown
}
