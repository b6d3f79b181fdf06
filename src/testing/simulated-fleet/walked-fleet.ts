import type { Fleet } from '../../api/fleet/fleet.ts'
import type { FleetEvent } from '../../api/fleet/types.ts'
import type { Turn } from '../../api/turn.ts'
import type { FleetLimits, TenantOptions } from '../../config/fleet-options.ts'
import type { ServerActorRef } from '../../machines/server-machine.ts'
import { isTurn, type ServerContext } from '../../machines/context.ts'
import { usedMb } from '../../machines/fleet/schedule.ts'
import { isTerminal } from '../../replies.ts'
import type { SimulatedFleet } from './simulated-fleet.ts'

/** Turn of a walk, with what was seen of it. */
export interface WalkedTurn {
  turn: Turn
  agentId: string
  terminals: number
  isEnded: boolean
}

/** Limits that a walked fleet must keep. */
export interface WalkedLimits {
  fleet: Required<FleetLimits>
  tenants: Readonly<Record<string, TenantOptions>>
}

/** Fleet under a walk: notes each broken rule. The rules read the servers, not only the fleet's own account. */
export class WalkedFleet {
  readonly simulated: SimulatedFleet
  readonly turns: WalkedTurn[] = []
  /** Descriptions of the broken rules. */
  readonly broken: string[] = []
  /** Number of evictions, by reason. */
  readonly evictions = { place: 0, memory: 0, idle: 0 }
  /** True after a change that may leave more turns running than a limit allows. */
  hasLowered = false
  readonly #limits: WalkedLimits
  #seq = 0
  #starting: ReadonlySet<string> = new Set()

  constructor(simulated: SimulatedFleet, limits: WalkedLimits) {
    this.simulated = simulated
    this.#limits = limits
    const { actor, events$ } = this.fleet
    actor.subscribe(() => this.#checkNow())
    events$.subscribe((event) => this.#onEvent(event))
  }

  get fleet(): Fleet {
    return this.simulated.fleet
  }

  /** Open turns, in the order of their starts. */
  get open(): WalkedTurn[] {
    return this.turns.filter(({ isEnded }) => !isEnded)
  }

  follow(agentId: string, turn: Turn): void {
    const walked = { turn, agentId, terminals: 0, isEnded: false }
    this.turns.push(walked)
    turn.replies$.subscribe((reply) => {
      if (walked.isEnded) this.#break(`a reply after the end of the turn ${turn.id}`)
      if (!isTerminal(reply)) return
      walked.terminals++
      walked.isEnded = true
    })
  }

  /** Checks the rules that hold when nothing is on its way. */
  checkSettled(): void {
    this.#checkNow()
    const { context, status } = this.fleet.actor.getSnapshot()
    if (status !== 'active') return
    const { queue } = context
    for (const { turn } of this.open)
      if (!queue.has(turn.id)) this.#break(`the turn ${turn.id} is open, but not in the queue`)
    const open = new Set(this.open.map(({ turn }) => turn.id))
    for (const { id, tenant } of context.agents) {
      const { waiting, running, leaving, leases } = this.#server(id) ?? nobody
      const known = new Set([...[...waiting, ...running, ...leaving].map(({ turnId }) => turnId), ...leases])
      for (const turnId of queue.idsOf(id)) {
        if (!known.has(turnId) && !turnId.startsWith('start:'))
          this.#break(`the queue has ${turnId} of ${id} (${tenant}), which no server has`)
        if (known.has(turnId) && !open.has(turnId) && queue.entry(turnId)?.isOperation !== true)
          this.#break(`the queue has ${turnId}, which has ended`)
      }
    }
    this.#checkNothingCouldStart()
  }

  /** Checks that nothing is left when all work has ended. */
  checkCold(): void {
    const { context, children } = this.fleet.actor.getSnapshot()
    const left = Object.keys(children).filter((id) => id.startsWith('server:'))
    if (left.length > 0) this.#break(`actors are left: ${left.join(', ')}`)
    if (this.simulated.processes.now > 0) this.#break(`${this.simulated.processes.now} processes are left`)
    if (context.active !== 0) this.#break(`the fleet counts ${context.active} actors`)
    const { running, queued } = context.queue.load
    if (running + queued > 0) this.#break(`turns are left: ${running} running, ${queued} waiting`)
    for (const { id, stage } of context.agents) if (stage !== 'cold') this.#break(`${id} is left ${stage}`)
    const lost = this.turns.filter(({ terminals }) => terminals !== 1)
    if (lost.length > 0) this.#break(`${lost.length} turns have not ended once`)
  }

  #server(id: string): ServerContext | undefined {
    const actor = this.fleet.actor.getSnapshot().children[`server:${id}`] as ServerActorRef | undefined
    return actor?.getSnapshot().context
  }

  /** Checks the rules that hold at every moment. */
  #checkNow(): void {
    const { agents, queue } = this.fleet.actor.getSnapshot().context
    const { fleet, tenants } = this.#limits
    // As many turns as may run may wait for the start of their servers, beside those in the queue's bound.
    this.#limit('waiting turns', queue.load.queued, fleet.maxRunningTurns + fleet.maxQueuedTurns)
    const { now } = this.simulated.processes
    this.#limit('processes', now, fleet.maxServers)
    const { placed } = agents
    this.#limit('places', placed.length, fleet.maxServers)
    const starting = placed.filter(({ stage }) => stage === 'starting')
    this.#limit('starting servers', starting.length, fleet.maxStarting)
    const isNew = starting.some(({ id }) => !this.#starting.has(id))
    if (isNew && placed.length > 1 && usedMb(placed) > fleet.memoryMb)
      this.#break(`a start over the budget: ${usedMb(placed)} of ${fleet.memoryMb} MiB`)
    this.#starting = new Set(starting.map(({ id }) => id))
    const running = new Map<string, number>()
    let all = 0
    for (const { id, tenant, maxRunningTurns } of placed) {
      const turns = this.#server(id)?.running.filter(isTurn) ?? []
      if (new Set(turns.map(({ conversationId }) => conversationId)).size < turns.length)
        this.#break(`two turns of a session of ${id} run`)
      if (!this.hasLowered) this.#limit(`turns of ${id}`, turns.length, maxRunningTurns)
      running.set(tenant, (running.get(tenant) ?? 0) + turns.length)
      all += turns.length
    }
    this.#limit('turns', all, fleet.maxRunningTurns)
    if (this.hasLowered) return
    for (const [name, count] of running)
      this.#limit(`turns of ${name}`, count, tenants[name]?.maxRunningTurns ?? Infinity)
  }

  /** Waiting agents start at once if places, memory and starts are free for each of them. */
  #checkNothingCouldStart(): void {
    const { agents, queue } = this.fleet.actor.getSnapshot().context
    const now = this.simulated.time.now()
    const { maxServers, maxStarting, memoryMb } = this.#limits.fleet
    const { placed } = agents
    const cold = queue.firstOfEachAgent('cold', agents.size, now)
    // The order of tenants moves as time passes, so that a smaller agent may be the first one since.
    const largest = Math.max(...cold.map(({ agentId }) => agents.get(agentId)?.memoryMb ?? 0))
    const starting = placed.filter(({ stage }) => stage === 'starting').length
    const isFree = placed.length < maxServers && starting < maxStarting
    if (cold[0] && isFree && (placed.length === 0 || usedMb(placed) + largest <= memoryMb))
      this.#break(`${cold[0].agentId} waits for a start, although nothing is short`)
    const ready = queue.first('ready', now)
    if (ready && !cold[0]) this.#break(`${ready.turnId} waits, although it may run`)
  }

  #onEvent(event: FleetEvent): void {
    if (event.seq !== ++this.#seq) this.#break(`the event ${event.seq} follows ${this.#seq - 1}`)
    if (event.type !== 'agent.evicted') return
    this.evictions[event.reason]++
    const { running = [], calls = [] } = this.#server(event.agentId) ?? {}
    if (running.length + calls.length > 0) this.#break(`${event.agentId} was evicted at work`)
  }

  #limit(what: string, count: number, max: number): void {
    if (count > max) this.#break(`${count} ${what}, of at most ${max}`)
  }

  #break(rule: string): void {
    if (this.broken.length < 20) this.broken.push(rule)
  }
}

const nobody = { waiting: [], running: [], leaving: [], leases: [] as readonly string[] }
