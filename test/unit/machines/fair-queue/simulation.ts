import { FairQueue, type Share } from '../../../../src/machines/fair-queue.ts'

/** Caller of one agent of its own, in its own tenant. */
export interface Caller {
  readonly tenant: string
  readonly agentId?: string
  /** Duration of its next turn, in ms. */
  readonly serviceMs: () => number
  /** Time from the end of a turn to the caller's next one, in ms. `undefined`: all turns are there from the start. */
  readonly thinkMs?: () => number
  /** Number of turns; unlimited by default. */
  readonly turns?: number
  /** Number of turns that the caller has at once at most; 1 by default. */
  readonly width?: number
  readonly priority?: number
  /** Time of the first turn, in ms. */
  readonly from?: number
}

/** A turn as it went. */
export interface Ran {
  readonly tenant: string
  readonly agentId: string
  readonly priority: number
  readonly at: number
  readonly startedAt: number
  readonly endedAt: number
}

interface Happening {
  readonly at: number
  readonly run: () => void
}

/** Returns pseudo-random numbers from 0 to 1, the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Runs callers on a queue with some places until a time, and returns the turns that have ended by then. */
export function simulate(
  { places, untilMs, shares = {} }: { places: number; untilMs: number; shares?: Record<string, Share> },
  callers: readonly Caller[],
): Ran[] {
  const wide = { maxRunningTurns: 1_000, maxQueuedTurns: 100_000 }
  let queue = FairQueue.of({ ...wide, maxRunningTurns: places }, shares, { ...wide, weight: 1 })
  const agenda: Happening[] = []
  const ended: Ran[] = []
  const owners = new Map<string, Caller>()
  let [now, ids] = [0, 0]
  const plan = (at: number, run: () => void) => {
    const i = agenda.findLastIndex((other) => other.at <= at)
    agenda.splice(i + 1, 0, { at, run })
  }
  const left = new Map(callers.map((caller) => [caller, caller.turns ?? Infinity]))
  const arrive = (caller: Caller) => {
    const rest = left.get(caller) ?? 0
    if (rest <= 0) return
    left.set(caller, rest - 1)
    const { tenant, agentId = tenant, priority = 5 } = caller
    const turnId = `turn${++ids}`
    owners.set(turnId, caller)
    queue = queue.setAgent(agentId, { ...wide, tenant, group: 'ready' })
    queue = queue.add({ turnId, agentId, tenant, conversationId: turnId, priority, at: now }, now)
  }
  const end = (turnId: string, caller: Caller, startedAt: number) => {
    const { agentId = '', tenant = '', priority = 0, at = 0 } = queue.entry(turnId) ?? {}
    queue = queue.remove([turnId], now)
    ended.push({ tenant, agentId, priority, at, startedAt, endedAt: now })
    plan(now + (caller.thinkMs?.() ?? 0), () => arrive(caller))
  }
  const admit = () => {
    for (let next = queue.first('ready', now); next; next = queue.first('ready', now)) {
      const { turnId } = next
      const caller = owners.get(turnId)
      if (!caller) throw new Error(`${turnId} has no caller`)
      queue = queue.start(turnId, now)
      const startedAt = now
      plan(now + caller.serviceMs(), () => end(turnId, caller, startedAt))
    }
  }
  for (const caller of callers)
    for (let i = 0; i < (caller.width ?? 1); i++) plan(caller.from ?? 0, () => arrive(caller))
  for (let next = agenda.shift(); next && next.at <= untilMs; next = agenda.shift()) {
    now = next.at
    next.run()
    // All that happens at one moment has happened before the next turn is admitted.
    if (agenda[0]?.at !== now) admit()
  }
  return ended
}

/** Running time of each tenant's turns from one time to another, in ms. */
export function usedMs(ran: readonly Ran[], from = 0, to = Infinity): Map<string, number> {
  const used = new Map<string, number>()
  for (const { tenant, startedAt, endedAt } of ran) {
    const ms = Math.max(0, Math.min(endedAt, to) - Math.max(startedAt, from))
    used.set(tenant, (used.get(tenant) ?? 0) + ms)
  }
  return used
}

/** Jain's index of fairness: 1 if all values are equal, 1/n if one has everything. */
export function jain(values: readonly number[]): number {
  const sum = values.reduce((a, b) => a + b, 0)
  return sum ** 2 / (values.length * values.reduce((a, b) => a + b ** 2, 0))
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.ceil(q * sorted.length) - 1] ?? NaN
}
