import { deferral, type FleetCommand } from '../context.ts'
import type { AgentGroup, FairEntry, FairQueue } from '../fair-queue.ts'
import type { AgentTable, FleetAgent } from './agent-table.ts'
import type { EvictionReason, FleetContext } from './fleet-context.ts'

/** Command to the server of an agent. */
export interface Order {
  agentId: string
  command: FleetCommand
}

/** Result of a decision: the changed context, the commands to servers, and the evictions. */
export interface Decision {
  context: FleetContext
  orders: Order[]
  evictions: { agent: FleetAgent; reason: EvictionReason }[]
}

/** Prefix of the ids of entries that stand for a start which no waiting turn requests. */
const startPrefix = 'start:'

/** Returns the id of the entry that stands for a start of an agent which no waiting turn requests. */
export const startId = (agentId: string): string => `${startPrefix}${agentId}`

/** Returns the group of an agent's waiting turns. */
export const groupOf = ({ stage }: FleetAgent): AgentGroup =>
  stage === 'healthy' ? 'ready' : stage === 'asking' ? 'cold' : 'held'

/**
 * Admits turns and permits starts, as far as the limits allow, in the fair order. A turn of a running server is
 * admitted; the first turn of another agent makes its server start. If no place or no memory is free for that
 * start, idle servers are evicted, the least recently used first. With none idle, as many busy servers as needed get
 * no further turns, so that they become idle: turns that come later in the order never keep a place.
 */
export function schedule(context: FleetContext, now: number): Decision {
  const pass = new Pass(context, now)
  pass.relieveMemory()
  pass.run()
  return pass.decision
}

/** Condition that prevents a start. */
type Shortage = 'place' | 'memory' | 'slot'

class Pass {
  readonly #context: FleetContext
  readonly #now: number
  readonly #orders: Order[] = []
  readonly #evictions: Decision['evictions'] = []
  #agents: AgentTable
  #queue: FairQueue
  #uses: number
  /** Busy servers that get no further turns, because other agents need their places. */
  readonly #heldBack = new Set<string>()

  constructor(context: FleetContext, now: number) {
    this.#context = context
    this.#now = now
    this.#agents = context.agents
    this.#queue = context.queue
    this.#uses = context.uses
  }

  get decision(): Decision {
    for (const id of this.#heldBack) this.#setGroup(id)
    const context = { ...this.#context, agents: this.#agents, queue: this.#queue, uses: this.#uses }
    return { context, orders: this.#orders, evictions: this.#evictions }
  }

  /** Evicts idle servers while the measured memory exceeds the budget. */
  relieveMemory(): void {
    const isRelieved = (): boolean => this.#memoryInUse(isKept) <= this.#budget
    if (isRelieved()) return
    for (const idle of this.#idle()) {
      if (isRelieved()) return
      if (this.#queue.waitingOf(idle.id) === 0) this.#evict(idle, 'memory')
    }
  }

  run(): void {
    let canStart = true
    for (;;) {
      const ready = this.#queue.first('ready', this.#now)
      const cold = canStart ? this.#queue.first('cold', this.#now) : undefined
      if (cold && (!ready || this.#queue.isBefore(cold, ready, this.#now))) {
        canStart = this.#tryStart(cold)
        if (!canStart) this.#makeRoom()
      } else if (ready) this.#admit(ready)
      else return
    }
  }

  #admit({ turnId, agentId }: FairEntry): void {
    this.#queue = this.#queue.start(turnId, this.#now)
    this.#agents = this.#agents.change(agentId, { lastUse: ++this.#uses, lastUsedAt: Date.now() })
    this.#orders.push({ agentId, command: { type: 'turn.permitted', turnId } })
  }

  #tryStart({ agentId }: FairEntry): boolean {
    const agent = this.#agents.get(agentId)
    if (!agent || this.#shortage(agent)) return false
    this.#queue = this.#queue.remove([startId(agentId)], this.#now)
    this.#change(agentId, {
      stage: 'starting',
      permittedAt: this.#now,
      residentMb: undefined,
      deferral: undefined,
    })
    this.#orders.push({ agentId, command: { type: 'start.permitted' } })
    return true
  }

  #shortage({ memoryMb: reserved }: FleetAgent): Shortage | undefined {
    const { maxServers, maxStarting, memoryMb } = this.#context.options.values.limits
    const { placed } = this.#agents
    if (placed.length >= maxServers) return 'place'
    // A server that runs alone may exceed the budget: it could never start otherwise.
    if (placed.length > 0 && this.#memoryInUse() + reserved > memoryMb) return 'memory'
    return placed.filter(({ stage }) => stage === 'starting').length >= maxStarting ? 'slot' : undefined
  }

  /** Frees places and memory for the agents that come next, and tells these agents what they wait for. */
  #makeRoom(): void {
    const { maxServers } = this.#context.options.values.limits
    const next = this.#queue.firstOfEachAgent('cold', maxServers, this.#now)
    let freed = this.#agents.placed.filter((agent) => !isKept(agent)).length
    freed += Math.max(0, maxServers - this.#agents.placed.length)
    for (const entry of next) {
      const agent = this.#agents.get(entry.agentId)
      const shortage = agent && this.#shortage(agent)
      if (!shortage) continue
      this.#defer(agent, shortage)
      if (shortage === 'slot' || (shortage === 'place' && freed-- > 0)) continue
      if (shortage === 'memory' && this.#memoryInUse(isKept) + agent.memoryMb <= this.#budget) continue
      this.#free(entry, shortage)
    }
  }

  get #budget(): number {
    return this.#context.options.values.limits.memoryMb
  }

  /** Evicts an idle server for an entry that comes before all turns of that server, or holds a busy server back. */
  #free(entry: FairEntry, reason: 'place' | 'memory'): void {
    const idle = this.#idle().find((agent) => this.#yieldsTo(agent, entry))
    if (idle) return this.#evict(idle, reason)
    const busy = this.#busy().find((agent) => this.#yieldsTo(agent, entry))
    if (!busy) return
    this.#heldBack.add(busy.id)
    this.#setGroup(busy.id, 'held')
  }

  /**
   * Returns whether a server may give its place to an entry: no turn that waits for the server comes before, or the
   * server has had its turn. A server whose turns wait keeps its place longer than its start took, so that two
   * agents that both have turns do not spend all the time on starts.
   */
  #yieldsTo({ id, permittedAt, healthyAt }: FleetAgent, entry: FairEntry): boolean {
    if (this.#queue.waitingOf(id) === 0) return true
    const own = this.#queue.firstOf(id)
    const isLater = own === undefined || this.#queue.isBefore(entry, own, this.#now)
    return isLater && this.#now - healthyAt > healthyAt - permittedAt
  }

  /** Servers that run nothing, the least recently used first. */
  #idle(): FleetAgent[] {
    return this.#healthy().filter(({ id, calls }) => calls === 0 && this.#queue.runningOf(id) === 0)
  }

  /** Servers that run something and are not held back, the ones with the fewest turns first. */
  #busy(): FleetAgent[] {
    const running = ({ id, calls }: FleetAgent): number => calls + this.#queue.runningOf(id)
    return this.#healthy()
      .filter((agent) => running(agent) > 0 && !this.#heldBack.has(agent.id))
      .sort((a, b) => running(a) - running(b))
  }

  #healthy(): FleetAgent[] {
    return this.#agents.placed
      .filter(({ stage }) => stage === 'healthy')
      .sort((a, b) => a.lastUse - b.lastUse)
  }

  #evict(agent: FleetAgent, reason: 'place' | 'memory'): void {
    const text = reason === 'place' ? 'evicted: another agent needs the place' : 'evicted: memory is short'
    this.#change(agent.id, { stage: 'evicting' })
    this.#orders.push({ agentId: agent.id, command: { type: 'server.evict', reason: text } })
    this.#evictions.push({ agent, reason })
  }

  #defer({ id, deferral: before }: FleetAgent, shortage: Shortage): void {
    const reason = `${deferral}${this.#needOf(shortage)}`
    if (reason === before) return
    this.#agents = this.#agents.change(id, { deferral: reason })
    this.#orders.push({ agentId: id, command: { type: 'start.deferred', reason } })
  }

  #needOf(shortage: Shortage): string {
    const { maxServers, maxStarting } = this.#context.options.values.limits
    if (shortage === 'place')
      return `a place: all ${maxServers} places of the fleet are in use (limits.maxServers)`
    if (shortage === 'slot')
      return `other starts: ${maxStarting} servers start at a time (limits.maxStarting)`
    return `memory: the servers of the fleet use the budget of ${this.#budget} MiB (limits.memoryMb)`
  }

  /** Returns the memory that servers use or have reserved, in MiB. */
  #memoryInUse(counts: (agent: FleetAgent) => boolean = () => true): number {
    return usedMb(this.#agents.placed.filter(counts))
  }

  #change(id: string, fields: Partial<FleetAgent>): void {
    this.#agents = this.#agents.change(id, fields)
    this.#setGroup(id)
  }

  #setGroup(id: string, group?: AgentGroup): void {
    const agent = this.#agents.get(id)
    if (agent) this.#queue = withAgent(this.#queue, agent, group)
  }
}

/** Returns whether a server is not about to end. */
const isKept = ({ stage }: FleetAgent): boolean => stage !== 'evicting' && stage !== 'ending'

/** Returns the memory that servers use, or have reserved until they are measured, in MiB. */
export const usedMb = (placed: readonly FleetAgent[]): number =>
  placed.reduce((sum, { residentMb, memoryMb }) => sum + (residentMb ?? memoryMb), 0)

/** Returns the queue with the limits and the group of an agent; the queue does not keep an agent without turns. */
export const withAgent = (queue: FairQueue, agent: FleetAgent, group?: AgentGroup): FairQueue =>
  queue.waitingOf(agent.id) + queue.runningOf(agent.id) > 0 ? enlist(queue, agent, group) : queue

/** Returns the queue with the limits and the group of an agent, which is about to have a turn. */
export function enlist(queue: FairQueue, agent: FleetAgent, group = groupOf(agent)): FairQueue {
  const { tenant, maxRunningTurns, maxQueuedTurns } = agent
  return queue.setAgent(agent.id, { tenant, maxRunningTurns, maxQueuedTurns, group })
}
