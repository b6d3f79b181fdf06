import { recentRestarts } from '../../src/machines/context.ts'
import { expect, onTestFinished, vi } from 'vitest'
import type { OpenCodeServerOptions } from '../../src/config/options.ts'
import { reconfigure } from '../../src/api/reconfigure.ts'
import { isTerminal } from '../../src/replies.ts'
import type { Happening } from '../../src/testing/happenings.ts'
import { Binary, withoutConfig, withUnreadableConfig } from './broken-start.ts'
import { DrivenServer } from './driven-server.ts'
import { end, spawnsOf } from './held-process.ts'
import { expectNothingLeft, processesOf } from './home.ts'
import { lastEndOf, type LifecycleDriver } from './lifecycle-driver.ts'
import type { DriverOptions } from './simulated-driver.ts'

const healthIntervalMs = 20_000
const probeTimeoutMs = 2_000
/** Grace time in ms: longer than 30 s, after which a silent stream is reopened. */
const busyGraceMs = 60_000
const backoffMaxMs = 1_000
/** Time limit in ms that is longer than a real start. */
const startTimeoutMs = 100_000
/** Time in ms that is longer than the rest of any path. */
const longMs = 500_000
const memoryLimitMb = 100_000
const neverMs = 2 ** 31 - 1

const durations = {
  healthIntervalMs,
  probeTimeoutMs,
  busyGraceMs,
  backoffMaxMs,
  backoffInitialMs: backoffMaxMs / 2,
  startTimeoutMs,
  stopGraceMs: neverMs,
  idleTimeoutMs: longMs,
  drainMs: longMs,
  restartWindowMs: longMs,
  requestTimeoutMs: neverMs,
  turnStallMs: neverMs,
  turnDeadlineMs: neverMs,
}

/** Setting of a driven server: its options, and the time limit of a step in real ms. */
export interface ProcessSetting {
  /** Options; `binary` is the file itself, not a name. */
  options: Pick<OpenCodeServerOptions, 'home' | 'proxy'> & { binary: string }
  patienceMs: number
}

/**
 * Returns a driver of the real machine on real processes, of any opencode that answers by `askingScript`. A process is
 * stopped (SIGSTOP) while nothing may happen by itself. Works only within a test.
 */
export function processDriver(
  { options, patienceMs }: ProcessSetting,
  limits: DriverOptions,
): LifecycleDriver {
  const { home } = options
  const binary = new Binary(options.binary)
  const server = new DrivenServer(
    {
      ...options,
      ...durations,
      ...limits,
      models: ['gpt-4o'],
      memoryLimitMb,
      warmUp: false,
      binary: binary.file,
    },
    patienceMs,
  )
  const { turns, states, actor, wrong, clock } = server
  const stop = (): void => {
    actor.stop()
    binary.remove()
  }
  // A path that breaks off is not finished, and a stopped process ends only by SIGKILL.
  onTestFinished(() => {
    stop()
    processesOf(home).forEach(end)
  })
  const check = (): void => {
    expect(wrong).toEqual([])
    expect(clock.now() - server.longAgo, 'ms that the path took so far').toBeLessThan(longMs)
    expect(actor.getSnapshot().status).toBe('active')
    for (const { replies } of turns)
      expect(replies.slice(0, -1).filter(isTerminal), 'replies after the last').toEqual([])
  }
  return {
    happen: happenings(server, binary),
    states,
    check,
    look: () => ({
      lifecycle: server.state,
      alive: spawnsOf(home).length,
      openTurns: server.openTurns.length,
      spent: recentRestarts(actor.getSnapshot().context, server.clock.now()).length,
    }),
    lastEnd: () => lastEndOf(turns),
    finish: async () => {
      stop()
      // A killed process may end before its port is closed.
      const isOver = () => expectNothingLeft(home, [...server.baseURLs])
      await vi.waitFor(isOver, { timeout: patienceMs, interval: 20 })
      expect(wrong).toEqual([])
      for (const { replies } of turns) expect(replies.filter(isTerminal)).toEqual(replies.slice(-1))
    },
  }
}

function happenings(server: DrivenServer, binary: Binary): Record<Happening, () => Promise<void>> {
  const { actor, clock } = server
  let keys = 0
  const rest = (act: () => unknown) => async () => {
    act()
    await server.rest()
  }
  const start = rest(() => actor.send({ type: 'server.start' }))
  const ends = async () => {
    const { pid } = server
    if (pid !== undefined) end(pid)
    await server.rest(() => server.pid !== pid)
  }
  /** Lets time pass while the process does not answer. */
  const silent = async (ms: number) => {
    server.hold()
    await clock.advance(ms)
    if (server.state === 'healthy') server.letGo()
    await server.rest()
  }
  return {
    start,
    stop: rest(() => actor.send({ type: 'server.stop' })),
    'start and stop': rest(() => {
      actor.send({ type: 'server.start' })
      actor.send({ type: 'server.stop' })
    }),
    'cannot be prepared': () => withoutConfig(server.options.values.home, start),
    'cannot be prepared for now': () => withUnreadableConfig(server.options.values.home, start),
    'cannot be spawned': () => binary.broken(start),
    reconfigure: rest(() => {
      reconfigure(actor, { proxy: { apiKey: `sk-another-key-${++keys}` } }).catch(() => undefined)
    }),
    turn: rest(() => server.openTurns.length === 0 && server.turn()),
    cancel: rest(() => server.openTurns[0]?.turn.cancel()),
    'answers the turn': rest(() => server.openTurns[0]?.answer()),
    'becomes healthy': rest(() => server.letGo()),
    crashes: ends,
    ends,
    'answers a probe': () => server.elapse(healthIntervalMs),
    'loses a probe': () => silent(healthIntervalMs + probeTimeoutMs),
    wedges: () => silent(busyGraceMs + 2 * (healthIntervalMs + probeTimeoutMs)),
    // A first reading above the limit would count as a limit that is too low.
    'exceeds its memory': async () => {
      await server.elapse(healthIntervalMs)
      server.ballastMb = memoryLimitMb
      await server.elapse(healthIntervalMs)
      server.ballastMb = 0
    },
    'cools down': () => server.elapse(backoffMaxMs),
    'is late': () => silent(startTimeoutMs),
    'time passes': async () => {
      await server.elapse(longMs)
      server.longAgo = clock.now()
    },
  }
}
