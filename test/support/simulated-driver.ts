import { HostFaultError } from '../../src/errors.ts'
import { reconfigure } from '../../src/api/reconfigure.ts'
import { isTerminal } from '../../src/replies.ts'
import type { Happening } from '../../src/testing/happenings.ts'
import { lastEndOf, type LifecycleDriver } from './lifecycle-driver.ts'
import { createServer, type TestServer } from './machine-harness.ts'

const healthIntervalMs = 1_000
/** A stream is heard of every 10 s: silence is known a little later. */
const busyGraceMs = 12_000
const backoffMaxMs = 1_000
const startTimeoutMs = 5_000
/** Longer than any path takes besides, and short enough to be waited for. */
export const longMs = 100_000

const options = {
  healthIntervalMs,
  busyGraceMs,
  backoffMaxMs,
  backoffInitialMs: backoffMaxMs / 2,
  startTimeoutMs,
  idleTimeoutMs: longMs,
  drainMs: longMs,
  restartWindowMs: longMs,
  memoryLimitMb: 600,
  turnStallMs: 1e9,
  turnDeadlineMs: 1e9,
}

/** What depends on the model's options. */
export interface DriverOptions {
  maxRestarts: number
  unhealthyThreshold: number
}

/**
 * The real machine in a fake world, where a process ignores every signal and ends when the model says so: whatever may
 * come in the middle of a stop does.
 */
export function simulatedDriver(
  limits: DriverOptions = { maxRestarts: 2, unhealthyThreshold: 2 },
): LifecycleDriver & { now: () => number } {
  const server = createServer(
    { ...options, ...limits },
    { spawn: 'silent', endsOn: 'nothing', residentMb: 100 },
  )
  const { turns, states, world, check, finish } = server
  const openTurns = () => turns.filter(({ replies }) => !replies.some(isTerminal))
  return {
    happen: happenings(server, openTurns),
    now: () => server.clock.now(),
    states,
    check,
    finish,
    look: () => ({
      lifecycle: server.state(),
      alive: world.alive.size,
      openTurns: openTurns().length,
      spent: server.spent(),
    }),
    lastEnd: () => lastEndOf(turns),
  }
}

function happenings(
  server: TestServer,
  openTurns: () => TestServer['turns'],
): Record<Happening, () => Promise<void>> {
  const { world, advance } = server
  let keys = 0
  /** Does it while the world is so, and waits for as long. */
  const whileIs = async (script: Partial<typeof world.script>, ms: number, act = () => {}) => {
    const before = { ...world.script }
    Object.assign(world.script, script)
    act()
    await advance(ms)
    Object.assign(world.script, before)
  }
  const now = (act: () => unknown) => async () => {
    act()
    await advance()
  }
  const start = () => server.send({ type: 'server.start' })
  const stop = () => server.send({ type: 'server.stop' })
  return {
    start: now(start),
    stop: now(stop),
    'start and stop': now(() => {
      start()
      stop()
    }),
    'cannot be prepared': () => whileIs({ prepare: new Error('no config') }, 0, start),
    'cannot be prepared for now': () =>
      whileIs({ prepare: new HostFaultError('no space', { errno: 'ENOSPC' }) }, 0, start),
    'cannot be spawned': () => whileIs({ spawn: 'cannotStart' }, 0, start),
    reconfigure: now(() => {
      const patch = { proxy: { apiKey: `sk-another-key-${++keys}` } }
      reconfigure(server.actor, patch).catch(() => undefined)
    }),
    turn: now(() => openTurns().length === 0 && server.turn()),
    cancel: now(() => openTurns()[0]?.cancel()),
    'answers the turn': async () => {
      for (const turn of openTurns()) await server.answer(turn)
    },
    'becomes healthy': now(() => world.process.listen()),
    crashes: now(() => world.process.exit()),
    ends: now(() => world.process.exit()),
    'answers a probe': () => advance(healthIntervalMs),
    'loses a probe': () => whileIs({ probe: 'fails' }, healthIntervalMs),
    wedges: () => whileIs({ probe: 'fails', heartbeats: false }, busyGraceMs + healthIntervalMs),
    // The first reading of a spawn would say that its limit is too low.
    'exceeds its memory': async () => {
      await advance(healthIntervalMs)
      await whileIs({ residentMb: 601 }, healthIntervalMs)
    },
    'cools down': () => advance(backoffMaxMs),
    'is late': () => advance(startTimeoutMs),
    'time passes': () => advance(longMs),
  }
}
