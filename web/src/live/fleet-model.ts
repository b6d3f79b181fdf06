import type { AgentStatus, FleetEvent, FleetStatus, Load, PendingRequest } from '../api/types.ts'
import type { ClosedRequest, LiveTurn, StreamItem } from './stream-items.ts'

/** Numbers of the fleet. */
export type FleetTotals = Omit<FleetStatus, 'agents'>

/** Most closed requests that are kept. */
const mostClosed = 200

/** Parts of the model that have changed. */
export interface Changes {
  /** Ids of the agents that have changed. */
  agents: ReadonlySet<string>
  /** True if an agent was added or removed. */
  ids: boolean
  totals: boolean
  requests: boolean
}

/** The fleet as the stream tells it. Values are replaced, never changed, so that a changed value is another object. */
export class FleetModel {
  totals: FleetTotals | undefined
  readonly agents = new Map<string, AgentStatus>()
  readonly requests = new Map<string, PendingRequest>()
  readonly closed = new Map<string, ClosedRequest>()
  readonly turns = new Map<string, LiveTurn>()
  /** Ids of the requests whose events came after the last snapshot. */
  #touched = new Set<string>()
  #changes = noChanges()

  /** Applies an item of the stream. */
  apply(item: StreamItem): void {
    switch (item.type) {
      case 'snapshot':
        return this.#reset(item.status)
      case 'status':
        return this.#mend(item.status)
      case 'requests':
        return this.#setRequests(item.items)
      case 'turns':
        for (const turn of item.items) this.turns.set(turn.turn_id, turn)
        return
      default:
        return this.#applyEvent(item)
    }
  }

  /** Returns what has changed since the last call. */
  takeChanges(): Changes {
    const changes = this.#changes
    this.#changes = noChanges()
    return changes
  }

  /** Returns items that bring another model to the same state. */
  items(): StreamItem[] {
    if (!this.totals) return []
    return [
      { type: 'snapshot', status: { ...this.totals, agents: [...this.agents.values()] } },
      { type: 'requests', items: [...this.requests.values()] },
      { type: 'turns', items: [...this.turns.values()] },
    ]
  }

  #reset(status: FleetStatus): void {
    for (const id of this.agents.keys()) this.#changes.agents.add(id)
    this.agents.clear()
    this.turns.clear()
    this.#touched.clear()
    this.#changes.ids = true
    this.#mend(status)
  }

  #mend({ agents, ...totals }: FleetStatus): void {
    this.totals = totals
    this.#changes.totals = true
    for (const agent of agents) this.#setAgent(agent)
  }

  #setAgent(agent: AgentStatus): void {
    if (!this.agents.has(agent.id)) this.#changes.ids = true
    this.agents.set(agent.id, agent)
    this.#changes.agents.add(agent.id)
  }

  /** Sets the open requests; what events have said since the snapshot counts more than the list. */
  #setRequests(items: readonly PendingRequest[]): void {
    const listed = new Set(items.map(({ request }) => request.id))
    for (const [id, pending] of this.requests)
      if (!listed.has(id) && !this.#touched.has(id))
        this.#close(id, { by: 'unknown', at: Date.now(), pending })
    for (const pending of items)
      if (!this.#touched.has(pending.request.id)) this.requests.set(pending.request.id, pending)
    this.#changes.requests = true
  }

  #applyEvent(event: FleetEvent): void {
    switch (event.type) {
      case 'agent.added':
      case 'agent.changed':
        if (!this.agents.has(event.agent_id)) this.#setAgent(newAgent(event))
        return
      case 'agent.removed':
        this.agents.delete(event.agent_id)
        this.#changes.agents.add(event.agent_id)
        this.#changes.ids = true
        return
      case 'agent.lifecycle':
        return this.#setLifecycle(event)
      case 'turn.queued':
      case 'turn.started':
      case 'turn.ended':
        return this.#applyTurn(event)
      case 'request.opened':
        return this.#open(event)
      case 'request.closed':
        return this.#applyClose(event)
      case 'agent.evicted':
        return
    }
  }

  #setLifecycle({ agent_id, host_id, lifecycle }: Extract<FleetEvent, { type: 'agent.lifecycle' }>): void {
    const before = this.agents.get(agent_id)
    if (!before || !this.totals) return
    const { reason: _reason, error: _error, ...rest } = before
    const { state, reason, error } = lifecycle
    this.#setAgent({
      ...rest,
      host_id,
      state,
      ...(reason !== undefined && { reason }),
      ...(error && { error }),
    })
    const { servers } = this.totals
    const [running, starting] = [isRunning, isStarting].map(
      (is) => Number(is(state)) - Number(is(before.state)),
    )
    this.#setTotals({
      servers: {
        ...servers,
        running: Math.max(0, servers.running + (running ?? 0)),
        starting: Math.max(0, servers.starting + (starting ?? 0)),
      },
    })
  }

  #applyTurn(event: Extract<FleetEvent, { type: 'turn.queued' | 'turn.started' | 'turn.ended' }>): void {
    const { turn_id, agent_id, at, type } = event
    const known = this.turns.get(turn_id)?.state
    const load = this.agents.get(agent_id)?.turns
    if (type === 'turn.ended') {
      this.turns.delete(turn_id)
      this.#count(event, { [known ?? ((load?.running ?? 0) > 0 ? 'running' : 'queued')]: -1 })
    } else {
      const state = type === 'turn.queued' ? 'queued' : 'running'
      this.turns.set(turn_id, { turn_id, agent_id, state, at })
      if (known !== state) this.#count(event, state === 'queued' ? { queued: 1 } : { queued: -1, running: 1 })
    }
  }

  /** Adds to the numbers of turns of an agent, its tenant and the fleet. */
  #count({ agent_id, tenant }: FleetEvent, change: Partial<Load>): void {
    const agent = this.agents.get(agent_id)
    if (agent) this.#setAgent({ ...agent, turns: sum(agent.turns, change) })
    if (!this.totals) return
    const { turns, tenants } = this.totals
    const own = tenants[tenant]
    this.#setTotals({
      turns: sum(turns, change),
      ...(own && { tenants: { ...tenants, [tenant]: { ...own, turns: sum(own.turns, change) } } }),
    })
  }

  #setTotals(change: Partial<FleetTotals>): void {
    if (this.totals) this.totals = { ...this.totals, ...change }
    this.#changes.totals = true
  }

  #open({ agent_id, pending }: Extract<FleetEvent, { type: 'request.opened' }>): void {
    this.requests.set(pending.request.id, pending)
    this.#touch(pending.request.id, agent_id, 1)
  }

  #applyClose({ agent_id, request_id, by, at }: Extract<FleetEvent, { type: 'request.closed' }>): void {
    const pending = this.requests.get(request_id)
    if (pending) this.#close(request_id, { by, at, pending })
    this.#touch(request_id, agent_id, -1)
  }

  #close(id: string, closed: ClosedRequest): void {
    this.requests.delete(id)
    this.closed.set(id, closed)
    for (const old of [...this.closed.keys()].slice(0, -mostClosed)) this.closed.delete(old)
    this.#changes.requests = true
  }

  #touch(id: string, agentId: string, change: number): void {
    this.#touched.add(id)
    this.#changes.requests = true
    const agent = this.agents.get(agentId)
    if (agent) this.#setAgent({ ...agent, open_requests: Math.max(0, agent.open_requests + change) })
  }
}

const noChanges = () => ({
  agents: new Set<string>(),
  ids: false,
  totals: false,
  requests: false,
})

const isRunning = (state: string): boolean => state === 'healthy'
const isStarting = (state: string): boolean => ['configuring', 'spawning', 'probing'].includes(state)

const sum = (load: Load, change: Partial<Load>): Load => ({
  ...load,
  running: Math.max(0, load.running + (change.running ?? 0)),
  queued: Math.max(0, load.queued + (change.queued ?? 0)),
})

/** Returns the status of an agent of which only its event is known; the next status tells the rest. */
const newAgent = ({ agent_id, tenant }: FleetEvent): AgentStatus => ({
  id: agent_id,
  tenant,
  state: 'idle',
  restarts: 0,
  turns: { running: 0, queued: 0, max: 0 },
  open_requests: 0,
})
