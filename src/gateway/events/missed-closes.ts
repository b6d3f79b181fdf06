import { Observable } from 'rxjs'
import type { RequestSource } from '../turns/turn-source.ts'
import type { SeenEvent } from './agent-source.ts'

/** Time for the event of a closed request to come from its host, in ms. */
const usualWaitMs = 2_000
/** Most requests that are remembered. */
const most = 10_000

/**
 * Returns events with the ends of all requests: also of those whose host has died, so that only the list of the open
 * requests tells of the end.
 *
 * @param closed$ - emits each request that leaves the list
 */
export const withMissedCloses = (
  events$: Observable<SeenEvent>,
  closed$: RequestSource['closed$'],
  waitMs = usualWaitMs,
): Observable<SeenEvent> =>
  new Observable((subscriber) => {
    const told = new Set<string>()
    const timers = new Map<string, NodeJS.Timeout>()
    const note = (requestId: string): void => {
      clearTimeout(timers.get(requestId))
      timers.delete(requestId)
      told.add(requestId)
      const [oldest] = told
      if (told.size > most && oldest !== undefined) told.delete(oldest)
    }
    subscriber.add(
      events$.subscribe((event) => {
        if (event.type === 'request.closed') {
          // An event that comes late was told from the list.
          if (told.has(event.requestId)) return
          note(event.requestId)
        }
        subscriber.next(event)
      }),
    )
    subscriber.add(
      closed$.subscribe((request) => {
        const { requestId } = request
        if (told.has(requestId) || timers.has(requestId)) return
        const tell = (): void => {
          note(requestId)
          subscriber.next({ ...request, seq: 0, at: Date.now(), type: 'request.closed', by: 'turn' })
        }
        timers.set(requestId, setTimeout(tell, waitMs).unref())
      }),
    )
    subscriber.add(() => {
      for (const timer of timers.values()) clearTimeout(timer)
    })
  })
