import { fromCallback } from 'xstate'
import { clockOf, type SystemClock } from '../../actors/clock.ts'
import type { AgentRunner } from '../agent-runner.ts'
import { ClusterStoreError, type ClusterStore } from '../store/cluster-store.ts'
import type { HostRecord } from '../store/records.ts'
import { hostRuntimeOf, type HostIdentity } from './host-runtime.ts'
import type { Lease } from './join.ts'

/** Part of a lease after which an owner must have ended everything, counted from its last good renewal. */
export const fencedAfter = 0.8

/** Input of the lease of a host. */
export interface LeaseInput extends HostIdentity {
  readonly lease: Lease
  readonly used: number
  readonly state: HostRecord['state']
}

/** Events that change what the lease tells the other hosts. */
export type LeaseCommand = { type: 'lease.use'; used: number } | { type: 'lease.drain' }

/**
 * Events of a lease: `renewed` at each good renewal, `late` after half a lease without one, `expired` after 0.8 lease, and
 * `usurped` if another run of the host has the lease.
 */
export type LeaseFact = { type: 'lease.renewed' | 'lease.late' | 'lease.expired' | 'lease.usurped' }

/** Reasons for the end of a lease, for the log. */
const ends = {
  'lease.expired': 'the lease has expired, because NATS has not answered or this process stood still',
  'lease.usurped':
    'another process has joined with the name of this host, which each host needs for itself (hostId, in a config file host_id)',
} as const

/** Renews the lease of a host each third of it, until the lease expires or the machine stops it. */
export const lease = fromCallback<LeaseCommand, LeaseInput>(({ input, sendBack, receive, system }) => {
  const renewals = new Renewals(input, clockOf(system), sendBack)
  receive((command) => renewals.change(command))
  return () => renewals.stop()
})

class Renewals {
  readonly #input: LeaseInput
  readonly #hosts: ClusterStore['hosts']
  readonly #runner: AgentRunner
  readonly #shared: Pick<HostRecord, 'incarnation' | 'max' | 'opencode' | 'leaseMs' | 'contextKey'>
  readonly #clock: SystemClock
  readonly #report: (fact: LeaseFact) => void
  /** Times at which the latest renewals were sent, by their number. */
  readonly #sentAt = new Map<number, number>()
  #state: HostRecord['state']
  #used: number
  #revision: number
  #beat = 0
  /** Time at which the last acknowledged renewal was sent. */
  #goodSince: number
  #nextAt = 0
  #isLate = false
  #isOver = false
  #isBusy = false
  #timers: { next?: unknown; late?: unknown; expiry?: unknown } = {}

  constructor(input: LeaseInput, clock: SystemClock, report: (fact: LeaseFact) => void) {
    this.#input = input
    const { store, runner, contexts } = hostRuntimeOf(input.runtime)
    this.#hosts = store.hosts
    this.#runner = runner
    const { incarnation, leaseMs } = input
    this.#shared = {
      ...{ incarnation, max: runner.maxAgents, opencode: runner.opencode, leaseMs },
      ...(contexts && { contextKey: contexts.publicKey }),
    }
    this.#clock = clock
    this.#report = report
    this.#state = input.state
    this.#used = input.used
    this.#revision = input.lease.revision
    this.#goodSince = input.lease.sentAt
    this.#watch()
    this.#renewIn(input.leaseMs / 3)
    this.#keepServers()
  }

  change(command: LeaseCommand): void {
    if (command.type === 'lease.use' && command.used === this.#used) return
    if (command.type === 'lease.use') this.#used = command.used
    else this.#state = 'draining'
    // Changes of a moment travel together.
    const soonMs = this.#input.leaseMs / 30
    if (!this.#isBusy && this.#nextAt > this.#clock.now() + soonMs) this.#renewIn(soonMs)
  }

  stop(): void {
    this.#isOver = true
    for (const timer of Object.values(this.#timers)) this.#clock.clearTimeout(timer)
  }

  #renewIn(ms: number): void {
    this.#clock.clearTimeout(this.#timers.next)
    this.#nextAt = this.#clock.now() + ms
    if (!this.#isOver) this.#timers.next = this.#clock.setTimeout(() => void this.#renew(), ms)
  }

  /** Renews the lease. A renewal without an answer is tried again soon, because NATS may just elect a leader. */
  async #renew(): Promise<void> {
    if (this.#isOver || this.#isBusy) return
    this.#isBusy = true
    const { hostId, leaseMs } = this.#input
    const beat = ++this.#beat
    const sentAt = this.#clock.now()
    this.#sentAt.set(beat, sentAt).delete(beat - 100)
    const record = { ...this.#shared, beat, state: this.#state, used: this.#used }
    const limitMs = Math.max(50, Math.min(1_000, leaseMs / 10))
    let isGood = false
    try {
      this.#revision = await this.#hosts.set(hostId, record, this.#revision, limitMs)
      isGood = this.#acknowledge(sentAt)
      if (isGood) this.#keepServers()
    } catch (error) {
      if (error instanceof ClusterStoreError && error.fault === 'stale') isGood = await this.#recover()
    }
    this.#isBusy = false
    const isNews = record.used !== this.#used || record.state !== this.#state
    // A renewal whose answer was lost is as old as when it was sent: the next one follows sooner.
    const dueMs = this.#goodSince + leaseMs / 3 - this.#clock.now()
    this.#renewIn(isGood && !isNews ? Math.max(leaseMs / 40, dueMs) : leaseMs / (isGood ? 30 : 40))
  }

  /**
   * Lets the servers live until the lease expires, also if this process is paused meanwhile. A renewal whose answer was
   * lost lets them live no longer, because the renewal is old already.
   */
  #keepServers(): void {
    this.#runner.keepAlive(this.#input.leaseMs * fencedAfter)
  }

  /** Accepts an earlier renewal whose answer was lost: as good, and as old as the moment at which it was sent. */
  async #recover(): Promise<boolean> {
    const { hostId, incarnation } = this.#input
    try {
      const stored = await this.#hosts.get(hostId)
      if (stored?.value.incarnation === incarnation) {
        this.#revision = stored.revision
        const sentAt = this.#sentAt.get(stored.value.beat)
        return sentAt !== undefined && this.#acknowledge(sentAt)
      }
      if (!this.#isOver) this.#end('lease.usurped')
    } catch {
      // The store does not answer: the next renewal tries again.
    }
    return false
  }

  /** Notes that a renewal was good. A lease that has expired meanwhile stays expired. */
  #acknowledge(sentAt: number): boolean {
    if (this.#isOver || this.#isExpired()) return false
    this.#goodSince = Math.max(this.#goodSince, sentAt)
    this.#isLate = false
    this.#watch()
    this.#report({ type: 'lease.renewed' })
    return true
  }

  #isExpired(): boolean {
    return this.#clock.now() - this.#goodSince >= this.#input.leaseMs * fencedAfter
  }

  /** Sets the timers that find the lease late, and expired. */
  #watch(): void {
    const { leaseMs } = this.#input
    const left = (part: number): number => Math.max(0, this.#goodSince + leaseMs * part - this.#clock.now())
    this.#clock.clearTimeout(this.#timers.late)
    this.#clock.clearTimeout(this.#timers.expiry)
    this.#timers.late = this.#clock.setTimeout(() => this.#onLate(), left(0.5))
    this.#timers.expiry = this.#clock.setTimeout(() => this.#end('lease.expired'), left(fencedAfter))
  }

  #onLate(): void {
    if (this.#isOver || this.#isLate) return
    this.#isLate = true
    this.#report({ type: 'lease.late' })
  }

  #end(type: keyof typeof ends): void {
    if (this.#isOver) return
    this.stop()
    const { runtime, hostId } = this.#input
    hostRuntimeOf(runtime).warn(`cluster: ${ends[type]}: this host ends all its work, and joins again`, {
      hostId,
    })
    this.#report({ type })
  }
}
