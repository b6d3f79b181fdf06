import { isDeepStrictEqual } from 'node:util'
import type { ClusterWatch } from '../../cluster/client/cluster-watch.ts'
import { isQuiet, type FleetReport, type ReportedTotals } from '../../cluster/reports/fleet-report.ts'
import { keyOf, type AgentKey } from '../../cluster/store/cluster-store.ts'
import type { SeenAgent } from '../events/agent-source.ts'

/** Host that reports. */
interface ReportedHost {
  readonly run: string
  /** Number of its last report. */
  readonly number: number
  /** True if nothing that the host has reported was missed. */
  readonly isWhole: boolean
  /** True if events were missed, and further parts of the report on the statuses are to come. */
  readonly hasGap: boolean
  readonly totals: ReportedTotals
}

/** Status of an agent of another host. */
interface ReportedAgent {
  readonly hostId: string
  readonly epoch: number
  readonly status: SeenAgent & { hostId: string }
}

/** Meaning of a report for its readers. */
export interface Taken {
  /** True if all statuses of the host are needed, because reports were missed. */
  readonly isMissing: boolean
  /** True if events were missed, and the statuses after them are here now. */
  readonly hasGap: boolean
}

/** Number of agents that may be remembered though they were removed. */
const mostRemoved = 1_000

/** Cluster of a gateway. */
type Known = Pick<ClusterWatch, 'agent' | 'place' | 'isThere'>

/** Agents of the other hosts of a cluster, as these have reported them. */
export class ReportedHosts {
  readonly #watch: Known
  readonly #hosts = new Map<string, ReportedHost>()
  readonly #agents = new Map<string, ReportedAgent>()
  /** Number of agents after the removed ones were forgotten. */
  #left = 0

  constructor(watch: Known) {
    this.#watch = watch
  }

  /** Numbers of the hosts that are there. */
  get totals(): ReportedTotals[] {
    return [...this.#hosts].filter(([id]) => this.#watch.isThere(id)).map(([, { totals }]) => totals)
  }

  /** Returns the status of an agent that a host has reported; the same object while nothing changes. */
  statusOf(agent: AgentKey): ReportedAgent['status'] | undefined {
    const found = this.#agents.get(keyOf(agent))
    return found && this.#watch.isThere(found.hostId) ? found.status : undefined
  }

  /** Takes the statuses of a report. */
  take(hostId: string, report: FleetReport): Taken {
    const { run, number, totals } = report
    const before = this.#hosts.get(hostId)
    const isNext = before?.run === run && before.number + 1 === number
    const hadAll = before ? isNext && before.isWhole : number === 1
    const isWhole = report.isWhole ?? (isNext && before.isWhole)
    const hasGap = report.hasGap === true || (isWhole && !hadAll) || (isNext && before.hasGap)
    const hasMore = report.hasMore === true
    this.#hosts.set(hostId, { run, number, isWhole, totals, hasGap: hasGap && hasMore })
    if (report.isWhole) this.#keep(hostId, new Set(report.agents.map(({ value }) => keyFor(value))))
    for (const { epoch, value } of report.agents) this.#set(hostId, epoch, value)
    if (this.#agents.size > 2 * this.#left + mostRemoved) this.#forgetRemoved()
    return { isMissing: !isWhole, hasGap: hasGap && !hasMore }
  }

  /** Returns whether another host has, or had, an agent in a later epoch. */
  isOutdated(hostId: string, epoch: number, agent: AgentKey): boolean {
    const place = this.#watch.place(agent)
    if (place && place.epoch > epoch && place.hostId !== hostId) return true
    const known = this.#agents.get(keyOf(agent))
    return known !== undefined && known.hostId !== hostId && known.epoch > epoch
  }

  /** Notes that reports may have been missed. */
  doubt(): void {
    for (const [id, host] of this.#hosts) this.#hosts.set(id, { ...host, isWhole: false })
  }

  /** Forgets the hosts that are not there any more. Returns whether one of them had an agent that did something. */
  forgetGone(): boolean {
    const gone = [...this.#hosts.keys()].filter((id) => !this.#watch.isThere(id))
    const agents = gone.flatMap((id) => {
      this.#hosts.delete(id)
      return this.#keep(id, new Set())
    })
    return agents.some((agent) => !isQuiet(agent))
  }

  /** Forgets the agents that the cluster has no more: no host reports a removal. */
  #forgetRemoved(): void {
    for (const [key, { status }] of this.#agents)
      if (this.#watch.agent(status.id)?.tenant !== status.tenant) this.#agents.delete(key)
    this.#left = this.#agents.size
  }

  /** Forgets the agents of a host but some. Returns the forgotten ones. */
  #keep(hostId: string, keys: ReadonlySet<string>): SeenAgent[] {
    const forgotten = [...this.#agents].filter(([key, agent]) => agent.hostId === hostId && !keys.has(key))
    for (const [key] of forgotten) this.#agents.delete(key)
    return forgotten.map(([, { status }]) => status)
  }

  #set(hostId: string, epoch: number, value: FleetReport['agents'][number]['value']): void {
    const key = keyFor(value)
    if (this.isOutdated(hostId, epoch, { tenant: value.tenant, agentId: value.id })) return
    const status = { ...value, hostId }
    const before = this.#agents.get(key)
    const isSame = before !== undefined && isDeepStrictEqual(before.status, status)
    this.#agents.set(key, { hostId, epoch, status: isSame ? before.status : status })
  }
}

const keyFor = ({ tenant, id }: { tenant: string; id: string }): string => keyOf({ tenant, agentId: id })
