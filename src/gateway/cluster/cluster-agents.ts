import { createHash } from 'node:crypto'
import { filter, merge, Subject, throttleTime, type Observable } from 'rxjs'
import type { Fleet } from '../../api/fleet/fleet.ts'
import { agentStatus } from '../../api/fleet/internals.ts'
import type { AgentStatus } from '../../api/fleet/types.ts'
import type { CallerParts } from '../../cluster/client/caller-parts.ts'
import { callerPartsOf } from '../../cluster/client/caller.ts'
import { isQuiet, isReport, type FleetReport } from '../../cluster/reports/fleet-report.ts'
import { reportingHostOf } from '../../cluster/reports/fleet-reporter.ts'
import type { AgentKey } from '../../cluster/store/cluster-store.ts'
import { onAbort } from '../../util/abort-signal.ts'
import type { GatewayCluster } from '../context.ts'
import { agentsOfFleet, type AgentSource, type SeenAgent, type SeenEvent } from '../events/agent-source.ts'
import { withMissedCloses } from '../events/missed-closes.ts'
import type { RequestSource } from '../turns/turn-source.ts'
import { ReportedHosts } from './reported-hosts.ts'
import { totalsOf } from './reported-totals.ts'

/** Shortest time between two asks for reports, and between two notices of missed events, in ms. */
const pauseMs = 1_000

/** Returns the agents of a gateway: those of its fleet, or those of all hosts of its cluster. */
export function agentsOf(
  fleet: Fleet,
  cluster: GatewayCluster | undefined,
  requests: Pick<RequestSource, 'closed$'>,
  closed: AbortSignal,
): AgentSource {
  const parts = cluster && callerPartsOf(cluster.handle)
  if (!parts) return agentsOfFleet(fleet)
  return new ClusterAgents({ fleet, hostId: cluster.host?.id, parts, requests, closed })
}

/** Parts of {@link ClusterAgents}. */
interface ClusterAgentsTerms {
  readonly fleet: Fleet
  /** Host that the fleet is, if the gateway was told. */
  readonly hostId: string | undefined
  readonly parts: Pick<CallerParts, 'store' | 'watch'>
  readonly requests: Pick<RequestSource, 'closed$'>
  /** Signal that ends the listening. */
  readonly closed: AbortSignal
}

/**
 * Agents of a cluster: every host knows their specs, and the owner of an agent reports its state. An agent whose owner
 * reports nothing has the state that it has in the fleet of this process.
 */
export class ClusterAgents implements AgentSource {
  readonly events$: Observable<SeenEvent>
  readonly missed$: Observable<unknown>
  readonly idsAfter: number
  readonly #fleet: Fleet
  readonly #ownHost: string | undefined
  readonly #parts: Pick<CallerParts, 'store' | 'watch'>
  readonly #closed: AbortSignal
  readonly #hosts: ReportedHosts
  readonly #reported = new Subject<SeenEvent>()
  readonly #missed = new Subject<undefined>()
  #askedAt = -Infinity

  constructor({ fleet, hostId, parts, requests, closed }: ClusterAgentsTerms) {
    this.#fleet = fleet
    this.#ownHost = hostId
    this.#parts = parts
    this.#closed = closed
    this.idsAfter = startOfIds(hostId ?? crypto.randomUUID())
    this.#hosts = new ReportedHosts(parts.watch)
    // A host that was paused may end the server of an agent that another host has meanwhile.
    const isOwn = (event: SeenEvent): boolean =>
      event.type !== 'agent.lifecycle' || !this.#hasOtherOwner(event)
    const events$ = merge(fleet.events$.pipe(filter(isOwn)), this.#reported)
    this.events$ = withMissedCloses(events$, requests.closed$)
    this.missed$ = this.#missed.pipe(throttleTime(pauseMs, undefined, { leading: true, trailing: true }))
  }

  /** Id of the host that the fleet is; `undefined` for a fleet that owns no agents. */
  get #hostId(): string | undefined {
    return this.#ownHost ?? reportingHostOf(this.#fleet)
  }

  get status() {
    const own = this.#fleet.status
    const agents = own.agents.map((agent) => this.#shown(agent))
    return { ...own, ...totalsOf(own, this.#hosts.totals), agents }
  }

  agent(id: string): SeenAgent | undefined {
    const own = agentStatus(this.#fleet, id)
    return own && this.#shown(own)
  }

  open(): void {
    const { store, watch } = this.#parts
    store.reports.watch((hostId, report) => this.#onReport(hostId, report), this.#closed)
    store.onConnection((state) => {
      if (state === 'down') return
      this.#hosts.doubt()
      this.#ask()
    }, this.#closed)
    const changes = watch.changed$.subscribe(() => {
      if (this.#hosts.forgetGone()) this.#missed.next(undefined)
    })
    onAbort(this.#closed, () => changes.unsubscribe())
    this.#ask()
  }

  #onReport(hostId: string, report: unknown): void {
    if (hostId === this.#hostId || this.#closed.aborted || !isReport(report)) return
    const { isMissing, hasGap } = this.#hosts.take(hostId, report)
    for (const event of this.#newEvents(hostId, report)) this.#reported.next(event)
    if (hasGap) this.#missed.next(undefined)
    if (isMissing) this.#ask()
  }

  /**
   * Returns the events of a report. A turn that ended just before another host got the agent has ended; only the state of
   * the agent is that of its owner.
   */
  #newEvents(hostId: string, { events }: FleetReport): SeenEvent[] {
    return events.flatMap(({ epoch, value }) =>
      value.type === 'agent.lifecycle' && this.#hosts.isOutdated(hostId, epoch, keyIn(value))
        ? []
        : [{ ...value, hostId }],
    )
  }

  /** Asks all hosts for all that they have; a lost ask is repeated with the next report. */
  #ask(): void {
    const now = performance.now()
    if (now - this.#askedAt < pauseMs) return
    this.#askedAt = now
    this.#parts.store.reports.ask()
  }

  #shown(own: AgentStatus): SeenAgent {
    const key = { tenant: own.tenant, agentId: own.id }
    const place = this.#parts.watch.place(key)
    if (place?.hostId != null && place.hostId === this.#hostId) return own
    const reported = this.#hosts.statusOf(key)
    if (!reported || (place?.hostId != null && place.hostId !== reported.hostId)) return own
    // For an agent without an owner, the host on which it does something counts.
    return place?.hostId == null && isQuiet(reported) ? own : reported
  }

  #hasOtherOwner(event: SeenEvent): boolean {
    const owner = this.#parts.watch.place(keyIn(event))?.hostId
    return owner != null && owner !== this.#hostId && this.#parts.watch.isThere(owner)
  }
}

const keyIn = ({ tenant, agentId }: AgentKey): AgentKey => ({ tenant, agentId })

/** Returns a number below 2^48 for a gateway, so far from those of others that their ids do not meet. */
const startOfIds = (name: string): number => createHash('sha256').update(name).digest().readUIntBE(0, 6)
