import { AssertionError } from 'node:assert'
import { Dice } from './dice.ts'
import { usualBehaviour } from './script.ts'
import { simulatedFleet } from './simulated-fleet.ts'
import { WalkedFleet } from './walked-fleet.ts'
import { anyReply, WalkHands } from './walk-steps.ts'

/** Options of {@link walkFleet}. */
export interface FleetWalkOptions {
  /** Seed of all random choices; the same seed repeats the walk. */
  seed: number
  /**
   * Number of steps; a shorter walk with the same seed begins with the same steps.
   *
   * @defaultValue `60`
   */
  steps?: number
  /**
   * Number of agents.
   *
   * @defaultValue `6`
   */
  agents?: number
}

/** Summary of a walk. */
export interface FleetWalk {
  /** Number of turns. */
  turns: number
  /** Number of processes that were started. */
  starts: number
  /** Number of evictions, by reason. */
  evictions: Readonly<Record<'place' | 'memory' | 'idle', number>>
  /** Steps, in order. */
  steps: readonly string[]
}

/**
 * Lets random things happen to a simulated fleet with random limits: turns, answers, crashes, slow and failing starts,
 * evictions, session calls, stops, changes and removals of agents. After each step no limit may be exceeded, and no turn
 * lost. At the end all turns must have ended, once each, and all agents must be cold.
 *
 * @param options - Seed and size of the walk.
 * @returns A summary of what happened.
 * @throws AssertionError (of `node:assert`) that names the broken rules, the seed and the steps.
 * @example
 * import { walkFleet } from 'opencode-runtime/testing'
 *
 * const { turns, starts } = await walkFleet({ seed: 1, steps: 20 })
 * console.log(`${turns} turns, ${starts} starts`)
 */
export async function walkFleet({ seed, steps = 60, agents = 6 }: FleetWalkOptions): Promise<FleetWalk> {
  const dice = new Dice(seed)
  const ids = Array.from({ length: agents }, (_, i) => `a${i + 1}`)
  const walked = startWalk(dice, ids)
  const hands = new WalkHands(walked, dice, ids as [string, ...string[]])
  if (dice.isTrue(0.3)) actWithin(walked, hands, dice)
  const done: string[] = []
  const check = (): void => {
    if (walked.broken.length === 0) return
    const message = `${walked.broken.join('; ')}\nseed ${seed}, steps: ${done.join(', ')}`
    throw new AssertionError({ message })
  }
  while (done.length < steps) {
    done.push(await hands.step())
    check()
  }
  hands.isOver = true
  // Some walks are cut short: the fleet closes in the middle of everything.
  if (!dice.isTrue(0.2)) await comeToRest(walked, ids)
  await close(walked, dice.of([0, 3_000]))
  if (hands.pending > 0) walked.broken.push(`${hands.pending} calls have not settled`)
  check()
  const starts = ids.reduce((sum, id) => sum + walked.simulated.server(id).spawns, 0)
  return { turns: walked.turns.length, starts, evictions: walked.evictions, steps: done }
}

function startWalk(dice: Dice, ids: readonly string[]): WalkedFleet {
  const fleet = {
    maxServers: 1 + dice.below(4),
    maxStarting: 1 + dice.below(2),
    maxRunningTurns: 1 + dice.below(6),
    maxQueuedTurns: dice.of([0, 3, 100]),
    memoryMb: dice.of([500, 1_500, 100_000]),
  }
  const tenants = { acme: { weight: 3, maxRunningTurns: 2 }, beta: { maxQueuedTurns: 2 } }
  const times = {
    maxRestarts: 2,
    backoffInitialMs: 1,
    backoffMaxMs: 1,
    healthIntervalMs: 1_000,
    startTimeoutMs: 5_000,
  }
  const simulated = simulatedFleet({
    agents: ids.map((id) => ({ id, tenant: dice.of(['acme', 'beta', 'default']) })),
    limits: fleet,
    tenants,
    defaults: {
      proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'simulated' },
      models: ['simulated'],
      ...times,
      idleTimeoutMs: dice.of([0, 2_000]),
      drainMs: 5_000,
      stopGraceMs: 2_000,
      memoryMb: 300,
      maxRunningTurns: 1 + dice.below(3),
    },
    script: () => anyReply(dice),
  })
  return new WalkedFleet(simulated, { fleet, tenants })
}

/** Time in which a fleet with good servers comes to rest, in ms. */
const restMs = 120_000

/** Makes all servers good, answers all prompts, and lets the fleet end. */
async function comeToRest(walked: WalkedFleet, ids: readonly string[]): Promise<void> {
  const { fleet, time, server } = walked.simulated
  for (const id of ids) Object.assign(server(id).behaviour, { ...usualBehaviour, startMs: 10, memoryMb: 10 })
  for (let ms = 0; ms < restMs && (walked.open.length > 0 || ms < restMs / 4); ms += 1_000) {
    for (const id of ids) {
      if (server(id).isAlive) server(id).listen()
      for (const session of server(id).busy) server(id).answer(session)
    }
    for (const { request } of fleet.requests) void fleet.answer(request.id, 'once').catch(() => undefined)
    await time.advance(1_000)
    walked.checkSettled()
  }
  const lost = walked.open.length
  if (lost > 0) walked.broken.push(`${lost} turns have not ended`)
  for (const { id, stage } of fleet.actor.getSnapshot().context.agents)
    if (stage === 'failed') await Promise.all([fleet.agent(id).ensureRunning(), time.advance(1_000)])
  for (const { id } of fleet.actor.getSnapshot().context.agents) void fleet.agent(id).stop()
  await time.advance(20_000)
  walked.checkCold()
}

/** Closes the fleet, after which nothing may be left. */
async function close({ simulated, turns, broken }: WalkedFleet, drainMs: number): Promise<void> {
  const { fleet, time, processes } = simulated
  const closing = fleet.close({ drainMs })
  await time.advance(60_000)
  await closing
  if (processes.now > 0) broken.push(`${processes.now} processes are left`)
  if (time.pending > 0) broken.push(`${time.pending} timers are left`)
  const lost = turns.filter(({ terminals }) => terminals !== 1).length
  if (lost > 0) broken.push(`${lost} turns have not ended once`)
}

/** Lets subscribers of the fleet act within its events. */
function actWithin({ fleet }: WalkedFleet, hands: WalkHands, dice: Dice): void {
  let depth = 0
  const act = (): void => {
    if (depth > 0 || hands.isOver || !dice.isTrue(0.05)) return
    depth++
    hands.act()
    depth--
  }
  fleet.events$.subscribe(act)
  fleet.status$.subscribe(act)
  fleet.requests$.subscribe(act)
}
