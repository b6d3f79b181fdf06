import { z } from 'zod'
import { wholeNumber } from '../../config/schema-parts.ts'
import { requireAgent } from '../agents.ts'
import type { EventFeed } from '../events/event-feed.ts'
import { json, streamAnswer } from '../http/answers.ts'
import { route, type Route } from '../http/route.ts'
import { agentIdParameter, listOf, pageLimit } from '../schemas/common.ts'
import { fleetEvent } from '../schemas/event.ts'
import { named } from '../schemas/named.ts'
import { fleetStatus } from '../schemas/status.ts'

const tag = 'Events'

/** Events of an agent, the oldest first. */
const eventList = listOf('FleetEventList', fleetEvent)

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
      'Server-sent events. The first one is `snapshot`, with the status of the fleet; then events of the fleet, by their type (`turn.started` …), with a growing `id`. A client that joins again sends the header Last-Event-ID, and gets the events since, or, if they are no longer kept, `gap` and another `snapshot`. Ids are not used again after a restart. In a cluster the events of all hosts come, those of other hosts with `host_id`; where some of them were lost on the way, `gap` and another `snapshot` follow. A token for some agents gets the events and numbers of these agents only; its ids grow by more than one.',
    tag,
    scopes: ['read'],
    query: {
      status_ms: wholeNumber('a whole number of milliseconds', 1_000, 3_600_000)
        .optional()
        .describe(
          'Time between two events `status`, in ms: the status of the fleet, with the agents only that have changed since the status before. Memory changes without another event. Without it, no such event is sent.',
        ),
    },
    headers: { 'Last-Event-ID': z.string().optional() },
    answers: {
      200: { description: 'Events, until the client goes', schema: streamed, types: ['text/event-stream'] },
    },
    async handle({ context, caller, raw, query }) {
      const events = await feed
      const right = context.authority.follow(caller)
      const body = events.read({
        caller,
        after: lastIdOf(raw.headers),
        statusMs: query.status_ms,
        until: [raw.signal, context.closed, right.signal],
        onEnd: right.stop,
      })
      return streamAnswer(body, 'text/event-stream')
    },
  }),
  route({
    id: 'listAgentEvents',
    method: 'get',
    path: '/v1/agents/{id}/events',
    summary: 'Lists the last events of an agent that the gateway keeps, the oldest first',
    description: 'The gateway keeps the last events of the fleet in memory, so that a restart forgets them.',
    tag,
    scopes: ['read'],
    params: { id: agentIdParameter() },
    query: { limit: pageLimit(1000, 200) },
    answers: { 200: { description: 'The events', schema: eventList } },
    async handle({ context, caller, params: { id }, query: { limit } }) {
      const agent = requireAgent(context, caller, id)
      return json(200, { items: (await feed).ofAgent(agent, limit), next_before: null })
    },
  }),
]

/** Returns the id of the last event that a client has; NaN for an id that no event has. */
function lastIdOf(headers: Headers): number | undefined {
  const last = headers.get('last-event-id')
  if (last === null || last === '') return undefined
  return /^\d{1,15}$/.test(last) ? Number(last) : NaN
}
