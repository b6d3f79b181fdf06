import { HostFaultError } from '../../src/errors.ts'
import { reconfigure } from '../../src/api/reconfigure.ts'
import { isTerminal } from '../../src/replies.ts'
import type { Happening } from '../../src/testing/happenings.ts'
import { lastEndOf, type LifecycleDriver } from './lifecycle-driver.ts'
import { createServer, type TestServer } from './machine-harness.ts'

const healthIntervalMs = 1_000
/** Grace time in ms, a little longer than the interval of heartbeats (10 s). */
const busyGraceMs = 12_000
const backoffMaxMs = 1_000
const startTimeoutMs = 5_000
/** Time in ms that is longer than the rest of any path, and short enough to simulate. */
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

/** Options that the model and the server share. */
export interface DriverOptions {
  maxRestarts: number
  unhealthyThreshold: number
}

/**
 * Returns a driver of the real machine in a fake world. A process ignores every signal and ends when the model says so, so
 * that other happenings can occur during a stop.
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
  /** Changes the world, acts, waits, and restores the world. */
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
    // A first reading above the limit would count as a limit that is too low.
    'exceeds its memory': async () => {
      await advance(healthIntervalMs)
      await whileIs({ residentMb: 601 }, healthIntervalMs)
    },
    'cools down': () => advance(backoffMaxMs),
    'is late': () => advance(startTimeoutMs),
    'time passes': () => advance(longMs),
  }
}
