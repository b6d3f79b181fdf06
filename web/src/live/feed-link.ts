import { FleetFeed } from './fleet-feed.ts'
import type { FeedMessage, PageMessage } from './stream-items.ts'

/** Link of a page to the feed. */
export interface FeedLink {
  send(message: PageMessage): void
}

/**
 * Links a page to the feed of its browser.
 *
 * @remarks
 * The stream is in a shared worker, so that all pages have one connection: a browser opens six to a host at most. A
 * leader among the pages would need locks, which a page has over https only, and would stop when the browser freezes the
 * leading page. A browser without shared workers reads the stream in each page.
 */
export function linkFeed(receive: (message: FeedMessage) => void): FeedLink {
  return 'SharedWorker' in globalThis ? linkWorker(receive) : linkOwn(new FleetFeed(), receive)
}

function linkWorker(receive: (message: FeedMessage) => void): FeedLink {
  // The script of the page is that of the worker too, so that nothing is sent twice.
  const { port } = new SharedWorker(import.meta.url, { type: 'module', name: 'opencode-runtime' })
  port.addEventListener('message', ({ data }: MessageEvent<FeedMessage>) => receive(data))
  port.start()
  return { send: (message) => port.postMessage(message) }
}

/** Returns what takes the messages of one page to a feed. */
export function linkOwn(feed: FleetFeed, receive: (message: FeedMessage) => void): FeedLink {
  let leave: (() => void) | undefined
  return {
    send(message) {
      if (message === 'retry') {
        feed.retry()
        return
      }
      leave?.()
      leave = message === 'join' ? feed.join(receive) : undefined
    },
  }
}
