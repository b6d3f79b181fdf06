import { EventFeed } from '../events/event-feed.ts'
import { deferred } from '../../util/deferred.ts'
import { openAiFace } from '../openai/face.ts'
import type { PartMaker } from '../part.ts'
import { eventRoutes } from '../routes/events.ts'
import { requestRoutes } from '../routes/requests.ts'
import { turnRoutes } from '../routes/turns.ts'
import { ClosedRequests } from './closed-requests.ts'
import { mendTurns } from './mend.ts'
import { TurnDesk } from './turn-desk.ts'

/** Makes the part of a gateway that runs turns, and shows their requests and the events of the fleet. */
export const turnsPart: PartMaker = (context) => {
  const { fleet, agents, log, paths, turns } = context
  const opening = deferred<EventFeed>()
  const opened = Promise.all([fleet.ready, log.ready]).then(() => opening.promise)
  // Requests that wait for the gateway get the error.
  opened.catch(() => undefined)
  const desk = new TurnDesk(context, opened)
  const openAi = openAiFace(context, desk)
  const closed = new ClosedRequests()
  turns.requests.closed$.subscribe((request) => closed.add(request.requestId, request))
  return {
    routes: [...turnRoutes(desk), ...requestRoutes(closed), ...eventRoutes(opened), ...openAi.routes],
    async open() {
      const feed = EventFeed.open(agents, log, (text) => paths.mask(text))
      const mended = feed.then(async (events) => {
        agents.open()
        await turns.open()
        await mendTurns(desk, log, turns)
        return events
      })
      opening.resolve(mended)
      await mended
      await openAi.open()
    },
    async drain(drainMs) {
      await desk.drain(drainMs)
      await openAi.close()
    },
  }
}
