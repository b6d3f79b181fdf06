import { linkOwn } from './feed-link.ts'
import { FleetFeed } from './fleet-feed.ts'
import type { PageMessage } from './stream-items.ts'

/** Scope of a shared worker, which the types of pages do not have. */
interface SharedScope {
  addEventListener: (type: 'connect', listener: (event: MessageEvent) => void) => void
}

/** Serves the pages of the browser: called in the worker that they share, which holds the stream. */
export function serveFeed(): void {
  const feed = new FleetFeed()
  const scope = globalThis as unknown as SharedScope
  scope.addEventListener('connect', ({ ports: [port] }) => {
    if (!port) return
    const link = linkOwn(feed, (message) => port.postMessage(message))
    port.addEventListener('message', ({ data }: MessageEvent<PageMessage>) => link.send(data))
    port.start()
  })
}
