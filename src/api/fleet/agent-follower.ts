import { Subject } from 'rxjs'
import type { TurnHooks } from '../../actors/hooks.ts'
import type { Runtime } from '../../actors/runtime.ts'
import type { TurnRecord, TurnState } from '../../actors/turn/turn-record.ts'
import { RequestClosedError } from '../../errors.ts'
import { fleetClosed } from '../../machines/fleet/fleet-context.ts'
import type { FleetActorRef } from '../../machines/fleet/fleet-machine.ts'
import { followLifecycle, type Lifecycle } from '../../machines/lifecycle.ts'
import type { ServerActorRef } from '../../machines/server-machine.ts'
import { noUsage, type PendingRequest, type RequestAnswer, type TurnErrorCode } from '../../replies.ts'
import type { Turn } from '../turn-handle.ts'
import type { DeferredTurn } from './deferred-turn.ts'
import type { FleetEvent } from './types.ts'

type Without<T, Key extends PropertyKey> = T extends unknown ? Omit<T, Key> : never

/** Event without what the follower adds. */
type EventBody = Without<FleetEvent, 'seq' | 'at' | 'tenant'>

/** Facts about an agent beyond the context of the fleet's machine. */
export interface FollowedAgent {
  lifecycle: Lifecycle | undefined
  /** Number of restarts of the agent's earlier actors. */
  restartsBefore: number
  openRequests: number
  /** True while the actor of the agent's server lives. */
  isLive: boolean
  /** True if the agent was removed, and is forgotten when its server has ended. */
  isRemoved: boolean
}

/** Follows the servers of a fleet: their lifecycles, turns and requests, as events and for the status. */
export class AgentFollower {
  readonly events = new Subject<FleetEvent>()
  /** Emits the list of all open requests when it changes. */
  readonly requests$ = new Subject<PendingRequest[]>()
  /** Emits the id of an agent whose status may have changed. */
  readonly changed$ = new Subject<string>()
  readonly #fleet: FleetActorRef
  readonly #agents = new Map<string, FollowedAgent>()
  readonly #requests = new Map<string, { pending: PendingRequest; record: TurnRecord }>()
  /** Ids of the turns that have not ended. */
  readonly #turnIds = new Set<string>()
  /** Events that have not reached all subscribers. */
  readonly #unsent: FleetEvent[] = []
  /** Turns whose server's actor is not there yet. */
  readonly #deferred = new Set<Pick<DeferredTurn<unknown>, 'end'>>()
  #isOver = false
  #seq = 0

  constructor(fleet: FleetActorRef) {
    this.#fleet = fleet
    for (const type of ['agent.added', 'agent.changed', 'agent.removed'] as const)
      fleet.on(type, ({ agentId, tenant }) => {
        if (type === 'agent.removed') this.#forget(agentId)
        this.#emit({ type, agentId }, tenant)
      })
    fleet.on('agent.reported', ({ agentId }) => this.changed$.next(agentId))
    fleet.on('agent.evicted', ({ type, agentId, tenant, reason }) =>
      this.#emit({ type, agentId, reason }, tenant),
    )
  }

  /** Open requests of all agents, the oldest first. */
  get requests(): PendingRequest[] {
    return [...this.#requests.values()].map(({ pending }) => pending)
  }

  agent(id: string): FollowedAgent | undefined {
    return this.#agents.get(id)
  }

  /** Returns whether a turn that has not ended has an id. */
  isTurnId(turnId: string): boolean {
    return this.#turnIds.has(turnId)
  }

  /** Answers a request of any agent. */
  async answer(requestId: string, answer: RequestAnswer): Promise<void> {
    const request = this.#requests.get(requestId)
    if (!request) throw new RequestClosedError(`The fleet has no open request ${JSON.stringify(requestId)}`)
    await request.record.requests.answer(requestId, answer)
  }

  /** Follows the server of an agent until its actor ends. */
  follow(agentId: string, actor: ServerActorRef, runtime: Runtime): void {
    const agent = this.#begin(agentId)
    followLifecycle(actor, {
      next: (lifecycle) => {
        const isFirst = agent.lifecycle === undefined
        agent.lifecycle = lifecycle
        // The actor of a server begins idle, which is no news of the agent.
        if (!isFirst) this.#emit({ type: 'agent.lifecycle', agentId, lifecycle })
      },
      complete: () => {
        agent.isLive = false
        if (agent.isRemoved) this.#forget(agentId)
      },
    })
    runtime.hooks = [...(runtime.hooks ?? []), { onTurn: (record) => this.#followTurn(agentId, record) }]
  }

  /** Reports the end of a turn that reached no server. A turn of an unknown agent is no event of the fleet. */
  reportEnd(
    agentId: string,
    { id: turnId, traceId }: Pick<Turn, 'id' | 'traceId'>,
    code: TurnErrorCode,
  ): void {
    if (!this.#fleet.getSnapshot().context.agents.get(agentId)) return
    this.#emit({ type: 'turn.ended', agentId, turnId, traceId, code, usage: noUsage() })
  }

  #begin(agentId: string): FollowedAgent {
    const { lifecycle, restartsBefore = 0, openRequests = 0 } = this.#agents.get(agentId) ?? {}
    const restarts = restartsBefore + (lifecycle?.restarts ?? 0)
    const agent = {
      lifecycle: undefined,
      restartsBefore: restarts,
      openRequests,
      isLive: true,
      isRemoved: false,
    }
    this.#agents.set(agentId, agent)
    return agent
  }

  /** Forgets a removed agent, at once or when its server has ended. */
  #forget(agentId: string): void {
    const agent = this.#agents.get(agentId)
    if (agent?.isLive === true) agent.isRemoved = true
    else this.#agents.delete(agentId)
  }

  /** Notes a turn that has not begun, which ends with the fleet. Returns a function that forgets the turn. */
  defer(turn: Pick<DeferredTurn<unknown>, 'end'>): () => void {
    this.#deferred.add(turn)
    return () => this.#deferred.delete(turn)
  }

  /** Completes all observables, after the events that have not reached all subscribers. */
  complete(): void {
    for (const turn of this.#deferred) turn.end(fleetClosed)
    this.#isOver = true
    if (this.#unsent.length === 0) this.events.complete()
    this.requests$.complete()
    this.changed$.complete()
  }

  #followTurn(agentId: string, record: TurnRecord): TurnHooks {
    const { id: turnId, plan } = record
    const turn = { agentId, turnId, traceId: plan.traceId }
    const reported = new Set<TurnState['state']>()
    this.#turnIds.add(turnId)
    const requests = record.requests.open$.subscribe((open) => this.#followRequests(agentId, record, open))
    return {
      onState: ({ state }) => {
        const name = state === 'waitingForServer' ? 'queued' : state
        if ((name !== 'queued' && name !== 'running') || reported.has(name)) return
        reported.add(name)
        this.#emit({ ...turn, type: name === 'queued' ? 'turn.queued' : 'turn.started' })
      },
      onEnd: (reply) => {
        requests.unsubscribe()
        this.#turnIds.delete(turnId)
        const code = reply.kind === 'final' ? 'final' : reply.code
        this.#emit({ ...turn, type: 'turn.ended', code, usage: { ...record.usage } })
      },
    }
  }

  #followRequests(agentId: string, record: TurnRecord, open: readonly PendingRequest[]): void {
    const { id: turnId, requests } = record
    const known = [...this.#requests].filter(([, request]) => request.record === record).map(([id]) => id)
    const opened = open.filter(({ request }) => !known.includes(request.id))
    const closed = known.filter((id) => !open.some(({ request }) => request.id === id))
    if (opened.length + closed.length === 0) return
    for (const pending of opened) this.#requests.set(pending.request.id, { pending, record })
    for (const id of closed) this.#requests.delete(id)
    const agent = this.#agents.get(agentId)
    if (agent) agent.openRequests += opened.length - closed.length
    for (const pending of opened) this.#emit({ type: 'request.opened', agentId, turnId, pending })
    for (const requestId of closed) {
      const by = requests.closedBy(requestId) ?? 'turn'
      this.#emit({ type: 'request.closed', agentId, turnId, requestId, by })
    }
    this.requests$.next(this.requests)
  }

  #emit(
    body: EventBody,
    tenant = this.#fleet.getSnapshot().context.agents.get(body.agentId)?.tenant ?? '',
  ): void {
    this.changed$.next(body.agentId)
    this.#unsent.push({ seq: ++this.#seq, at: Date.now(), tenant, ...body })
    // A subscriber may cause an event within an event, which must reach every subscriber in order.
    if (this.#unsent.length > 1) return
    for (let event = this.#unsent[0]; event; event = this.#unsent[0]) {
      this.events.next(event)
      this.#unsent.shift()
    }
    if (this.#isOver) this.events.complete()
  }
}
