import type { SystemClock } from '../../actors/clock.ts'
import type { Fleet } from '../../api/fleet/fleet.ts'
import type { AgentStatus, FleetEvent } from '../../api/fleet/types.ts'
import { keyOf, type Reports } from '../store/cluster-store.ts'
import type { PlaceRecord } from '../store/records.ts'
import {
  isQuiet,
  reportedEvent,
  reportedStatus,
  reportForm,
  type FleetReport,
  type OfEpoch,
  type ReportedEvent,
  type ReportedTotals,
} from './fleet-report.ts'

/** Time for which an event waits for others, in ms: a host sends at most ten reports a second. */
const gatherMs = 100
/** Time between two looks at the statuses, in ms, because memory changes without an event. */
const lookMs = 2_000
/** Longest silence of a host, in ms: the loss of the last report is known from the next one. */
const silenceMs = 6_000
/** Shortest time between two reports on all agents, in ms. */
const wholeMs = 1_000
/** Most characters of the events of a report. */
const mostSize = 200_000
/** Most agents in a report; further ones are in the next one. */
const mostAgents = 200

/** Events that every host tells of its own copy of the agent's spec. */
const ofSpecs: ReadonlySet<FleetEvent['type']> = new Set(['agent.added', 'agent.changed', 'agent.removed'])

/** Parts of a reporter. */
export interface ReporterTerms {
  readonly fleet: Pick<Fleet, 'events$' | 'status'>
  readonly reports: Pick<Reports, 'send' | 'onAsk'>
  readonly hostId: string
  /** Returns the owner of an agent, by its key, as the host knows it. */
  readonly placeOf: (key: string) => Pick<PlaceRecord, 'hostId' | 'epoch'> | undefined
  readonly clock: SystemClock
}

/** Hosts by their fleets. */
const hosts = new WeakMap<object, string>()

/** Returns the id of the host that a fleet of this process is; `undefined` for a fleet that has joined no cluster. */
export const reportingHostOf = (fleet: object): string | undefined => hosts.get(fleet)

/**
 * Reports what happens in the fleet of a host to the gateways of the other hosts. An agent that another host owns is not
 * reported.
 */
export class FleetReporter {
  readonly #terms: ReporterTerms
  readonly #run = crypto.randomUUID()
  readonly #stopped = new AbortController()
  readonly #subscription: { unsubscribe: () => void }
  #number = 0
  #events: OfEpoch<ReportedEvent>[] = []
  #size = 0
  #hasGap = false
  /** Statuses as they were reported last, by agent. The object of an agent stays the same while nothing of it changes. */
  #sent: ReadonlyMap<string, AgentStatus> = new Map()
  #isWhole = true
  #sentAt = -Infinity
  #wholeAt = -Infinity
  #timer: unknown
  #timerAt = Infinity

  constructor(terms: ReporterTerms) {
    this.#terms = terms
    hosts.set(terms.fleet, terms.hostId)
    this.#subscription = terms.fleet.events$.subscribe((event) => this.#take(event))
    terms.reports.onAsk(() => {
      this.#isWhole = true
      this.#reportIn(gatherMs)
    }, this.#stopped.signal)
    this.#reportIn(0)
  }

  /** Reports what is left, and nothing afterwards. */
  stop(): void {
    if (this.#stopped.signal.aborted) return
    this.#subscription.unsubscribe()
    this.#report()
    this.#stopped.abort()
    this.#terms.clock.clearTimeout(this.#timer)
  }

  #take(event: FleetEvent): void {
    const epoch = this.#epochOf({ id: event.agentId, tenant: event.tenant })
    if (epoch === undefined || ofSpecs.has(event.type)) return
    const value = reportedEvent(event)
    const size = JSON.stringify(value).length
    if (this.#size + size > mostSize) this.#hasGap = true
    else {
      this.#events.push({ epoch, value })
      this.#size += size
    }
    this.#reportIn(gatherMs)
  }

  /** Returns the epoch of an agent; `undefined` for an agent of another host. */
  #epochOf({ id, tenant }: { id: string; tenant: string }): number | undefined {
    const place = this.#terms.placeOf(keyOf({ tenant, agentId: id }))
    if (!place) return 0
    return place.hostId === null || place.hostId === this.#terms.hostId ? place.epoch : undefined
  }

  /** Sends a report after a time in ms, or earlier. */
  #reportIn(ms: number): void {
    const { clock } = this.#terms
    const at = clock.now() + ms
    if (this.#stopped.signal.aborted || at >= this.#timerAt) return
    clock.clearTimeout(this.#timer)
    this.#timerAt = at
    this.#timer = clock.setTimeout(() => {
      this.#timerAt = Infinity
      this.#report()
      this.#reportIn(lookMs)
    }, ms)
  }

  #report(): void {
    const now = this.#terms.clock.now()
    const isWhole = this.#isWhole && now - this.#wholeAt >= wholeMs
    if (this.#isWhole && !isWhole) this.#reportIn(wholeMs)
    const agents = this.#changedAgents(isWhole)
    const isNews = isWhole || this.#hasGap || this.#events.length + agents.length > 0
    if (!isNews && now - this.#sentAt < silenceMs) return
    this.#sentAt = now
    if (isWhole) {
      this.#isWhole = false
      this.#wholeAt = now
    }
    for (let from = 0; from === 0 || from < agents.length; from += mostAgents) {
      const hasMore = from + mostAgents < agents.length
      this.#send(agents.slice(from, from + mostAgents), {
        ...(isWhole && from === 0 && { isWhole }),
        ...(hasMore && { hasMore }),
      })
    }
  }

  /** Returns the agents of this host that have changed since the last report. */
  #changedAgents(isWhole: boolean): OfEpoch<AgentStatus>[] {
    const before = this.#sent
    const sent = new Map<string, AgentStatus>()
    const changed: OfEpoch<AgentStatus>[] = []
    for (const value of this.#terms.fleet.status.agents) {
      const key = keyOf({ tenant: value.tenant, agentId: value.id })
      const epoch = this.#epochOf(value)
      if (epoch === undefined || !this.#isOwn(key, value)) continue
      sent.set(key, value)
      if (isWhole || before.get(key) !== value) changed.push({ epoch, value })
    }
    this.#sent = sent
    return changed
  }

  /** Returns whether a status is of this host. An agent that nobody owns is the same on all hosts while it does nothing. */
  #isOwn(key: string, status: AgentStatus): boolean {
    const { placeOf, hostId } = this.#terms
    const before = this.#sent.get(key)
    return placeOf(key)?.hostId === hostId || !isQuiet(status) || (before !== undefined && !isQuiet(before))
  }

  #send(agents: readonly OfEpoch<AgentStatus>[], flags: Pick<FleetReport, 'isWhole' | 'hasMore'>): void {
    const { servers, turns, memory, tenants } = this.#terms.fleet.status
    const report: FleetReport = {
      form: reportForm,
      run: this.#run,
      number: ++this.#number,
      ...flags,
      ...(this.#hasGap && { hasGap: true }),
      events: this.#events,
      agents: agents.map(({ epoch, value }) => ({ epoch, value: reportedStatus(value) })),
      totals: { servers, turns, memory, tenants: withTurns(tenants) },
    }
    this.#events = []
    this.#size = 0
    this.#hasGap = !this.#terms.reports.send(this.#terms.hostId, report)
    // All that was lost is in a whole report.
    if (this.#hasGap) this.#isWhole = true
  }
}

const withTurns = (tenants: ReportedTotals['tenants']): ReportedTotals['tenants'] =>
  Object.fromEntries(Object.entries(tenants).filter(([, { turns }]) => turns.running + turns.queued > 0))
