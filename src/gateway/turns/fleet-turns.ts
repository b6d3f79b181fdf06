import { EMPTY, filter, map, mergeMap, of, type Observable } from 'rxjs'
import { agentFacts, type AgentFacts } from '../../api/fleet/agent-facts.ts'
import type { Fleet } from '../../api/fleet/fleet.ts'
import type { Turn } from '../../api/turn-handle.ts'
import type { ErrorReply } from '../../replies.ts'
import { mayGoOn, nextOf } from './fleet-resume.ts'
import type { OpenTurn } from './turn-log.ts'
import type { NamedInput, RequestNews, RequestSource, TurnSource } from './turn-source.ts'

/** Runs the turns of a gateway on the fleet of its process. */
export class FleetTurns implements TurnSource {
  readonly outlives = false
  readonly requests: RequestSource
  readonly news$: Observable<RequestNews>
  readonly canResume = mayGoOn
  readonly #fleet: Fleet

  constructor(fleet: Fleet) {
    this.#fleet = fleet
    this.requests = requestsOf(fleet)
    this.news$ = fleet.events$.pipe(
      mergeMap((event): Observable<RequestNews> => {
        if (event.type === 'request.opened')
          return of({ turnId: event.turnId, news: { type: 'request', pending: event.pending } })
        if (event.type !== 'request.closed') return EMPTY
        const { turnId, requestId, by } = event
        return of({ turnId, news: { type: 'request_closed', requestId, by } })
      }),
    )
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  agent(id: string): AgentFacts | undefined {
    return agentFacts(this.#fleet, id)
  }

  run(agentId: string, input: NamedInput): Promise<Turn> {
    return Promise.resolve(this.#fleet.turn(agentId, input))
  }

  isLost(): Promise<boolean> {
    return Promise.resolve(false)
  }

  join(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  async resume(open: OpenTurn): Promise<Turn | ErrorReply> {
    const { turnId, agentId } = open.turn
    const next = await nextOf(this.#fleet, open)
    return 'kind' in next ? next : this.#fleet.turn(agentId, { ...next, turnId })
  }
}

/** Returns the requests of a fleet. */
export function requestsOf(fleet: Fleet): RequestSource {
  return {
    get open() {
      return fleet.requests
    },
    closed$: fleet.events$.pipe(
      filter((event) => event.type === 'request.closed'),
      map(({ requestId, turnId, agentId, tenant }) => ({ requestId, turnId, agentId, tenant })),
    ),
    answer: (requestId, answer) => fleet.answer(requestId, answer),
  }
}
