import { cancelledTurn } from '../../../src/actors/turn/refusal.ts'
import type { TurnInput } from '../../../src/api/turn-input.ts'
import { keyOf, type AgentKey, type MailMessage } from '../../../src/cluster/store/cluster-store.ts'
import { MemoryCluster } from '../../../src/cluster/store/memory/memory-store.ts'
import { auditTurn } from '../cluster-audit.ts'
import { endsOf, factsOf } from '../cluster-facts.ts'
import { leaseMs } from '../scripted-host.ts'
import { SteppedClock } from '../stepped-clock.ts'
import { faultsOf, isOwnEnd, storedTurn, type StoredTurn } from './handle-audit.ts'
import { WalkedCaller } from './walked-caller.ts'
import type { WalkedHandle } from './walked-handle.ts'
import { WalkedHosts, type HostLimits } from './walked-hosts.ts'

/** Agents of a walk. */
export const agents: readonly [AgentKey, ...AgentKey[]] = [
  { tenant: 'acme', agentId: 'a1' },
  { tenant: 'acme', agentId: 'a2' },
  { tenant: 'blue', agentId: 'b1' },
]

/** Time in which a caller tries to send a cancel, in ms. */
const mostCancelMs = 60_000
/** Time that an attempt of a caller takes at most, with the wait before it, in ms. */
const attemptMs = 1_000
const roomy: HostLimits = { maxAgents: 100, maxTurns: 100, idleMs: 600_000 }

/** Agent of a turn, and the fields of its input. */
export interface WalkedInput {
  readonly agent: AgentKey
  readonly more: Omit<TurnInput, 'text'>
}

/** Counts of a walk. */
export interface CallerSum {
  turns: number
  handles: number
  answers: number
  /** Number of handles by their ends; an end of the caller itself has the prefix `own`. */
  ends: Record<string, number>
}

/** Hosts and callers of one cluster over a store in memory, to which anything may happen at any moment. */
export class CallerWalk {
  readonly clock = new SteppedClock()
  readonly memory = new MemoryCluster(() => this.clock.now())
  readonly hosts: WalkedHosts
  readonly callers: WalkedCaller[] = []
  readonly steps: string[] = []
  /** Turns that an inbox has taken, with their agents. */
  readonly taken = new Map<string, AgentKey>()
  /** Turns that callers have sent or tried to send, in order. */
  readonly sent = new Map<string, WalkedInput>()
  /** Turns whose cancel an inbox has taken before their ends. */
  readonly #cancelled = new Set<string>()
  /** True if the next act comes before anything of this one has travelled. */
  isHurried = false
  /** Times of the last batches, by turn. */
  readonly #storedAt = new Map<string, number>()
  #requests = 0

  constructor(limits: HostLimits) {
    this.hosts = new WalkedHosts(this.memory, this.clock, agents, limits)
    const { mail, records } = this.memory
    const note = (key: string): unknown => this.#storedAt.set(key.split('.').at(-1) ?? '', this.clock.now())
    records.listen(note, new AbortController().signal)
    const add = mail.add.bind(mail)
    mail.add = (agent, turnId, message, at) => {
      const outcome = add(agent, turnId, message, at)
      if (!outcome.isDuplicate) this.#noteMail(agent, turnId, message)
      return outcome
    }
  }

  /** Starts two hosts and two callers. */
  async begin(): Promise<void> {
    this.hosts.start()
    this.hosts.start()
    await this.clock.advance(0)
    await this.connect()
    await this.connect()
  }

  /** Connects a further caller. */
  async connect(): Promise<WalkedCaller> {
    const caller = new WalkedCaller(`c${this.callers.length + 1}`, this.memory, this.clock)
    await this.clock.advance(0)
    await caller.connected()
    this.callers.push(caller)
    return caller
  }

  /** Callers that are not closed. */
  get present(): WalkedCaller[] {
    return this.callers.filter(({ isClosed }) => !isClosed)
  }

  /** Handles of callers whose processes run. */
  get handles(): WalkedHandle[] {
    return this.present.filter(({ isPaused }) => !isPaused).flatMap(({ handles }) => handles)
  }

  /** Sends a turn with a new id. */
  send(callers: readonly WalkedCaller[], input: WalkedInput): string {
    const turnId = `t${this.sent.size + 1}`
    this.sent.set(turnId, input)
    for (const caller of callers) caller.send(input.agent, { text: 'Hi', turnId, ...input.more })
    return turnId
  }

  newRequest(): string {
    return `r${++this.#requests}`
  }

  note(step: string): void {
    this.steps.push(`${this.clock.now()} ${step}`)
  }

  /** Checks what must hold at each moment. */
  check(): void {
    const faults = [...this.taken].flatMap(([turnId, agent]) => {
      const batches = this.memory.records.turns.get(`${keyOf(agent)}.${turnId}`) ?? []
      const repeated = [...this.#stored(turnId).closings].filter(([, reasons]) => reasons.length > 1)
      return [
        ...auditTurn(batches).problems,
        ...repeated.map(([id, reasons]) => `${id} is closed by ${reasons.join()}`),
      ].map((fault) => `${turnId}: ${fault}`)
    })
    for (const [id, answers] of this.hosts.counted)
      if (answers.length > 1) faults.push(`${answers.length} answers to ${id} count`)
    for (const caller of this.callers) {
      for (const handle of caller.handles)
        faults.push(
          ...this.#named(caller, handle, faultsOf(handle, caller, this.#stored(handle.id), this.clock.now())),
        )
      const { watches, clock } = caller
      if (caller.isClosed && watches + clock.pending > 0)
        faults.push(`${caller.name} is closed, and has ${watches} watches and ${clock.pending} timers`)
    }
    this.#fail(faults)
  }

  /** Lets everything become good, and checks that each turn and each handle comes to its end. */
  async comeToRest(): Promise<CallerSum> {
    this.note('all faults are mended')
    this.hosts.mendAll()
    for (const caller of this.present) caller.mendAll()
    this.hosts.start('last', roomy)
    await this.#require(8, () => this.#uncancelled())
    this.note('all turns finish')
    const finish = (): void => this.hosts.running.forEach((turn) => turn.finish())
    await this.#require(20, () => [...this.#unended(), ...this.#left()], finish)
    await this.#closeAll()
    return this.#sum()
  }

  async #closeAll(): Promise<void> {
    for (const caller of this.present) await caller.close()
    this.hosts.stopAll()
    await this.clock.advance(attemptMs)
    this.check()
    if (this.clock.pending > 0) this.#fail([`${this.clock.pending} timers are left`])
  }

  /** Lets time pass until nothing is wrong any more, for some leases at most. */
  async #require(
    leases: number,
    faultsNow: () => string[],
    act: () => void = () => undefined,
  ): Promise<void> {
    let faults = faultsNow()
    for (let i = 0; i < leases * 4 && faults.length > 0; i++) {
      act()
      await this.clock.advance(leaseMs / 4)
      this.check()
      faults = faultsNow()
    }
    this.#fail(faults)
  }

  /** Returns the turns without an end, and what is wrong with handles whose turns must be over. */
  #unended(): string[] {
    const turns = [...this.taken].flatMap(([turnId, agent]) =>
      endsOf(this.memory, agent, turnId).length === 1 ? [] : [`${turnId} has no end`],
    )
    const handles = this.present.flatMap((caller) =>
      caller.handles.flatMap((handle) => this.#named(caller, handle, handle.faultsAtEnd())),
    )
    return [...turns, ...handles]
  }

  #stored(turnId: string): StoredTurn {
    const agent = this.taken.get(turnId)
    const facts = agent ? factsOf(this.memory, agent, turnId) : []
    return storedTurn(agent, facts, this.#storedAt.get(turnId) ?? 0)
  }

  #noteMail(agent: AgentKey, turnId: string, { type }: MailMessage): void {
    if (type === 'turn') this.taken.set(turnId, agent)
    const isOther = this.#isOther(agent, turnId)
    if (type === 'cancel' && !isOther && endsOf(this.memory, agent, turnId).length === 0)
      this.#cancelled.add(turnId)
  }

  /** Returns whether the id of a turn belongs to a turn of another agent. */
  #isOther(agent: AgentKey, turnId: string): boolean {
    const taker = this.taken.get(turnId)
    return taker !== undefined && keyOf(taker) !== keyOf(agent)
  }

  /** Returns the cancelled turns and handles that go on. */
  #uncancelled(): string[] {
    const faults: string[] = []
    const goesOn = (turnId: string): boolean => this.taken.has(turnId) && !this.#stored(turnId).end
    for (const turnId of this.#cancelled)
      if (goesOn(turnId)) faults.push(`${turnId} was cancelled, and goes on`)
    for (const caller of this.present)
      for (const handle of caller.handles) {
        const { cancelledAt, end, id, origin } = handle
        if (cancelledAt === undefined || !this.#couldSend(caller, cancelledAt)) continue
        if (origin.agent && this.#isOther(origin.agent, id)) continue
        const saysCancelled = end?.reply.kind === 'error' && end.reply.error === cancelledTurn.error
        if (!end) faults.push(...this.#named(caller, handle, ['was cancelled, and has no end']))
        else if (saysCancelled && goesOn(id))
          faults.push(...this.#named(caller, handle, ['ends as cancelled, and the turn goes on']))
      }
    return faults
  }

  /** Returns whether a caller could send a message at a time or soon after. */
  #couldSend({ cuts }: WalkedCaller, at: number): boolean {
    let from = at
    for (const cut of cuts) {
      if (cut.from - from >= attemptMs) return true
      from = Math.max(from, cut.to)
    }
    return from <= at + mostCancelMs - attemptMs
  }

  /** Returns what is left in the store of turns that are over. */
  #left(): string[] {
    const { mail, requests, parcels } = this.memory
    const turns = mail.mails.filter(({ message }) => message.type === 'turn')
    const lists = [...requests.changes.values()].filter(({ value }) => value !== undefined)
    return [
      ...turns.map(({ turnId }) => `${turnId} is left in the inbox`),
      ...lists.map(({ key }) => `the requests of ${key} are left`),
      // A caller that could not read whether the turn has ended may have stored the content again, for a day.
      ...(this.callers.some(({ hadFaults }) => hadFaults) ? [] : [...parcels.keys()]).map(
        (name) => `the content ${name} is left`,
      ),
    ]
  }

  #named({ name }: WalkedCaller, { id, origin }: WalkedHandle, faults: readonly string[]): string[] {
    return faults.map((fault) => `${name}, ${origin.agent ? '' : 'attached to '}${id}: ${fault}`)
  }

  #fail(faults: readonly string[]): void {
    if (faults.length > 0) throw new Error(`${faults.join('; ')}\nsteps:\n${this.steps.join('\n')}\n`)
  }

  #sum(): CallerSum {
    const ends: Record<string, number> = {}
    for (const caller of this.callers)
      for (const handle of caller.handles) {
        const reply = handle.end?.reply
        const code = reply?.kind === 'error' ? reply.code : (reply?.kind ?? 'none')
        const isOwn = isOwnEnd(handle, caller, this.#stored(handle.id))
        const name = isOwn ? `own ${code}` : code
        ends[name] = (ends[name] ?? 0) + 1
      }
    const handles = this.callers.flatMap((caller) => caller.handles)
    return { turns: this.taken.size, handles: handles.length, answers: this.hosts.counted.size, ends }
  }
}
