import { z } from 'zod'
import type { EventFeed } from '../events/event-feed.ts'
import { streamAnswer } from '../http/answers.ts'
import { route, type Route } from '../http/route.ts'
import { fleetEvent } from '../schemas/event.ts'
import { named } from '../schemas/named.ts'
import { fleetStatus } from '../schemas/status.ts'

/** Data of the events of the stream. */
const streamed = named('FleetStreamEvent', () =>
  z.union([
    fleetEvent(),
    fleetStatus(),
    z.strictObject({ oldest: z.int().min(1).describe('Id of the oldest event that is kept') }),
  ]),
)

/**
 * Returns the route of the fleet's events.
 *
 * @param feed - the events of the fleet, when the gateway has opened
 */
export const eventRoutes = (feed: Promise<EventFeed>): Route[] => [
  route({
    id: 'readEvents',
    method: 'get',
    path: '/v1/events',
    summary: 'Streams the events of the fleet',
    description:
      'Server-sent events. The first one is `snapshot`, with the status of the fleet; then events of the fleet, by their type (`turn.started` …), with a growing `id`. A client that joins again sends the header Last-Event-ID, and gets the events since, or, if they are no longer kept, `gap` and another `snapshot`. Ids are not used again after a restart. A token for some agents gets the events and numbers of these agents only; its ids grow by more than one.',
    tag: 'Events',
    scopes: ['read'],
    headers: { 'Last-Event-ID': z.string().optional() },
    answers: {
      200: { description: 'Events, until the client goes', schema: streamed, types: ['text/event-stream'] },
    },
    async handle({ context, caller, raw }) {
      const events = await feed
      const right = context.authority.follow(caller)
      const body = events.read({
        caller,
        after: lastIdOf(raw.headers),
        until: [raw.signal, context.closed, right.signal],
        onEnd: right.stop,
      })
      return streamAnswer(body, 'text/event-stream')
    },
  }),
]

/** Returns the id of the last event that a client has; NaN for an id that no event has. */
function lastIdOf(headers: Headers): number | undefined {
  const last = headers.get('last-event-id')
  if (last === null || last === '') return undefined
  return /^\d{1,15}$/.test(last) ? Number(last) : NaN
}
