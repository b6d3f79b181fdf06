import type {
  AgentGroup,
  AgentSettings,
  FairEntry,
  Limits,
  Share,
} from '../../../../src/machines/fair-queue.ts'

export interface Waiting {
  readonly entry: FairEntry
  readonly seq: number
  readonly rank: number
  startedAt?: number
}

interface Account {
  virtualMs: number
  since: number
  stamp: number
}

/** Rules of the fair queue, written with lists that are searched from the front to the end. */
export class Reference {
  items: Waiting[] = []
  readonly agents = new Map<string, AgentSettings>()
  /** Never forgotten, unlike in the queue. */
  readonly accounts = new Map<string, Account>()
  readonly stamps = new Map<string, { stamp: number; at: number }>()
  readonly agentStamps = new Map<string, number>()
  readonly admittedAt = new Map<string, number>()
  floor = 0
  clock = 0
  epoch = 0
  added = 0
  admitted = 0

  readonly limits: Limits
  readonly shares: Readonly<Record<string, Share>>
  readonly fallback: Share

  constructor(limits: Limits, shares: Readonly<Record<string, Share>>, fallback: Share) {
    this.limits = limits
    this.shares = shares
    this.fallback = fallback
  }

  share = (tenant: string): Share => this.shares[tenant] ?? this.fallback
  tenantOf = ({ entry }: Waiting): string => this.agents.get(entry.agentId)?.tenant ?? entry.tenant
  ofTenant = (tenant: string): Waiting[] => this.items.filter((item) => this.tenantOf(item) === tenant)
  ofAgent = (id: string): Waiting[] => this.items.filter(({ entry }) => entry.agentId === id)
  running = (items: Waiting[]): number => turns(items).filter(isRunning).length
  queued = (items: Waiting[]): number => turns(items).filter((item) => !isRunning(item)).length
  item = (turnId: string): Waiting | undefined => this.items.find(({ entry }) => entry.turnId === turnId)

  virtualMs(tenant: string, now: number): number {
    const account = this.accounts.get(tenant)
    if (!account) return 0
    const running = this.running(this.ofTenant(tenant))
    if (running === 0 || now <= account.since) return account.virtualMs
    const used = (running * (now - account.since)) / this.share(tenant).weight
    return Math.round((account.virtualMs + used) * 1000) / 1000
  }

  /** Smallest virtual time of the tenants with turns. */
  smallest(now: number): number {
    const active = [...this.accounts.keys()].filter((tenant) => turns(this.ofTenant(tenant)).length > 0)
    return active.length === 0 ? this.floor : Math.min(...active.map((tenant) => this.virtualMs(tenant, now)))
  }

  /** Changes the entries, and does what follows for each tenant. */
  change(now: number, edit: () => void, tenants: readonly string[]): void {
    this.clock = Math.max(now, this.clock)
    const before = tenants.map((tenant) => {
      const items = this.ofTenant(tenant)
      const [virtualMs, smallest] = [this.virtualMs(tenant, this.clock), this.smallest(this.clock)]
      return {
        tenant,
        virtualMs,
        smallest,
        size: items.length,
        turns: turns(items).length,
        running: this.running(items),
      }
    })
    edit()
    for (const old of before) {
      const account = this.accounts.get(old.tenant) ?? { virtualMs: 0, since: 0, stamp: 0 }
      const items = this.ofTenant(old.tenant)
      if (items.length > 0 && old.size === 0) {
        account.stamp = this.remembered(`tenant ${old.tenant}`)
        account.virtualMs = Math.max(account.virtualMs, old.smallest)
      }
      if (old.running !== this.running(items)) {
        account.virtualMs = old.running > 0 ? old.virtualMs : account.virtualMs
        account.since = this.clock
      }
      if (turns(items).length > 0 && old.turns === 0)
        account.virtualMs = Math.max(account.virtualMs, old.smallest)
      this.accounts.set(old.tenant, account)
      if (turns(items).length === 0 && old.turns > 0) this.floor = Math.max(this.floor, this.leftAt(account))
    }
  }

  leftAt(account: Account): number {
    return turns(this.items).length === 0 ? account.virtualMs : this.smallest(this.clock)
  }

  /** Stamp of the last admission, if that was in this minute or the one before. */
  remembered(name: string): number {
    const last = this.stamps.get(name)
    return last && Math.floor(this.clock / 60_000) - Math.floor(last.at / 60_000) <= 1 ? last.stamp : 0
  }

  setAgent(id: string, settings: AgentSettings): void {
    const before = this.agents.get(id)
    if (!before) this.agentStamps.set(id, this.remembered(`agent ${id}`))
    const moved = before && before.tenant !== settings.tenant
    const items = this.ofAgent(id)
    if (!moved) {
      this.agents.set(id, settings)
      return
    }
    // First out of the old tenant, then into the new one.
    this.change(this.clock, () => (this.items = this.items.filter((item) => !items.includes(item))), [
      before.tenant,
    ])
    this.agents.set(id, settings)
    const into = () => (this.items = [...this.items, ...items].sort((a, b) => a.seq - b.seq))
    this.change(this.clock, into, [settings.tenant])
  }

  add(entry: FairEntry, now: number): void {
    if (this.item(entry.turnId)) return
    if (this.items.length === 0) this.epoch = entry.at
    const rank = Math.floor((entry.at - this.epoch) / 60_000) - entry.priority
    const item = { entry, seq: ++this.added, rank }
    this.change(now, () => this.items.push(item), [this.tenantOf(item)])
  }

  remove(turnIds: readonly string[], now: number): void {
    this.clock = turnIds.some((id) => this.item(id)) ? Math.max(this.clock, now) : this.clock
    for (const turnId of new Set(turnIds)) {
      const item = this.item(turnId)
      if (!item) continue
      this.change(now, () => (this.items = this.items.filter((other) => other !== item)), [
        this.tenantOf(item),
      ])
      const { agentId } = item.entry
      if (this.ofAgent(agentId).length === 0) this.agents.delete(agentId)
    }
  }

  start(turnId: string, now: number): void {
    const item = this.item(turnId)
    if (!item || !this.isHead(item)) return
    const tenant = this.tenantOf(item)
    this.change(now, () => (item.startedAt = this.clock), [tenant])
    this.admitted++
    if (item.entry.isOperation) return
    this.agentStamps.set(item.entry.agentId, this.admitted)
    this.admittedAt.set(item.entry.agentId, this.clock)
    const account = this.accounts.get(tenant)
    if (account) account.stamp = this.admitted
    const last = { stamp: this.admitted, at: this.clock }
    this.stamps.set(`agent ${item.entry.agentId}`, last).set(`tenant ${tenant}`, last)
  }

  isHead(item: Waiting): boolean {
    const { agentId, conversationId } = item.entry
    const line = this.ofAgent(agentId).filter(({ entry }) => entry.conversationId === conversationId)
    return line[0] === item && !isRunning(item)
  }

  /** True if the limits leave a place for a head. */
  hasPlace(item: Waiting): boolean {
    if (item.entry.isOperation) return true
    const [agent, tenant] = [this.agents.get(item.entry.agentId), this.tenantOf(item)]
    return (
      this.running(this.items) < this.limits.maxRunningTurns &&
      this.running(this.ofTenant(tenant)) < this.share(tenant).maxRunningTurns &&
      this.running(this.ofAgent(item.entry.agentId)) < (agent?.maxRunningTurns ?? 0)
    )
  }

  candidates(group: AgentGroup): Waiting[] {
    const isOfGroup = ({ entry }: Waiting) => this.agents.get(entry.agentId)?.group === group
    return this.items.filter((item) => isOfGroup(item) && this.isHead(item) && this.hasPlace(item))
  }

  first(group: AgentGroup, now: number): FairEntry | undefined {
    const candidates = this.candidates(group)
    const resuming = candidates.find(isResuming)
    if (resuming) return resuming.entry
    const firsts = [turns(candidates), candidates.filter(({ entry }) => entry.isOperation)].flatMap(
      (kind) => this.firstOf(kind, now) ?? [],
    )
    return firsts.sort((a, b) => this.compare(a, b, now))[0]?.entry
  }

  /** First candidate of the first agent of the first tenant. */
  firstOf(candidates: Waiting[], now: number): Waiting | undefined {
    const within = (a: Waiting, b: Waiting) => this.compareWithin(a, b)
    const ofAgents = firstsBy(candidates, ({ entry }) => entry.agentId, within)
    const ofTenants = firstsBy(ofAgents, this.tenantOf, within)
    return ofTenants.sort((a, b) => this.compare(a, b, now))[0]
  }

  compare(a: Waiting, b: Waiting, now: number): number {
    if (isResuming(a) !== isResuming(b)) return isResuming(a) ? -1 : 1
    const [x, y] = [this.tenantOf(a), this.tenantOf(b)]
    if (x === y) return this.compareWithin(a, b)
    const load = (tenant: string) => this.running(this.ofTenant(tenant)) / this.share(tenant).weight
    const stamp = (tenant: string) => this.accounts.get(tenant)?.stamp ?? 0
    return (
      this.virtualMs(x, now) - this.virtualMs(y, now) ||
      load(x) - load(y) ||
      stamp(x) - stamp(y) ||
      a.seq - b.seq
    )
  }

  compareWithin(a: Waiting, b: Waiting): number {
    if (a.entry.agentId === b.entry.agentId) return a.rank - b.rank || a.seq - b.seq
    const stamp = ({ entry }: Waiting) => this.agentStamps.get(entry.agentId) ?? 0
    return this.agentRank(a) - this.agentRank(b) || stamp(a) - stamp(b) || a.seq - b.seq
  }

  /** Rank of an agent that offers a head: by the priority of its most urgent head, and how long it got nothing. */
  agentRank({ entry }: Waiting): number {
    const heads = this.ofAgent(entry.agentId).filter((item) => this.isHead(item))
    const ofKind = heads.filter((item) => item.entry.isOperation === entry.isOperation)
    const since = Math.max(entry.at, this.admittedAt.get(entry.agentId) ?? 0)
    return Math.floor((since - this.epoch) / 60_000) - Math.max(...ofKind.map((item) => item.entry.priority))
  }
}

const isRunning = ({ startedAt }: Waiting): boolean => startedAt !== undefined
/** Starts for running turns come before all else, in the order of their arrival. */
const isResuming = ({ entry }: Waiting): boolean => entry.isResuming === true
const turns = (items: Waiting[]): Waiting[] => items.filter(({ entry }) => entry.isOperation !== true)

/** First item of each group. */
const firstsBy = (
  items: Waiting[],
  groupOf: (item: Waiting) => string,
  compare: (a: Waiting, b: Waiting) => number,
): Waiting[] =>
  [...new Set(items.map(groupOf))].flatMap(
    (group) => items.filter((item) => groupOf(item) === group).sort(compare)[0] ?? [],
  )
