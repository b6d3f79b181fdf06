import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, onTestFinished } from 'vitest'
import type { AgentSpec, FleetOptions } from '../../src/index.ts'
import { fleetDefaults, processesIn } from './fleet.ts'
import { hostProgram } from './host.ts'

/** Report of a host of a fleet. */
interface Fact {
  agentId?: string
  state?: string
  pid?: number
  kind?: string
  applied?: unknown
}

/** Starts a host of a fleet in its own process, on the built package in `dist`; all is killed when the test finishes. */
export function startFleetHost(dist: string, { defaults, ...options }: FleetOptions) {
  const all = { ...options, defaults: { ...fleetDefaults, ...defaults } }
  const args = [hostProgram('fleet'), dist, JSON.stringify(all)]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const facts: Fact[] = []
  createInterface(child.stdout).on('line', (line) => facts.push(JSON.parse(line) as Fact))
  const ended = once(child, 'exit')
  const { dataDir } = options
  onTestFinished(() => {
    child.kill('SIGKILL')
    for (const pid of [...processesIn(dataDir), ...processesIn(dataDir, 'watchers')]) kill(pid)
  })
  const command = (name: string, argument: unknown): void =>
    void child.stdin.write(`${name} ${JSON.stringify(argument)}\n`)
  const die = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  return {
    facts,
    /** Declares agents, without waiting. */
    apply: (specs: readonly AgentSpec[]): void => command('apply', specs),
    /** Waits until as many calls of `apply` as given have resolved. */
    applied: (count: number): Promise<void> =>
      expect
        .poll(() => facts.filter(({ applied }) => applied !== undefined).length, { timeout: 60_000 })
        .toBe(count),
    /** Starts a turn of each agent. */
    turns: (ids: readonly string[], text: string): void => command('turns', { ids, text }),
    /** Waits until a server of each agent is healthy, and returns the pids. */
    healthy: async (ids: readonly string[]): Promise<number[]> => {
      const pidOf = (id: string) =>
        facts.findLast(({ agentId, state }) => agentId === id && state === 'healthy')?.pid
      await expect.poll(() => ids.map(pidOf).includes(undefined), { timeout: 60_000 }).toBe(false)
      return ids.map((id) => pidOf(id) ?? 0)
    },
    /** Kills the host as the out-of-memory killer would. */
    die,
    /** Kills the host and the watchers, so that the servers are left. */
    dieAlone: async (): Promise<void> => {
      for (const pid of processesIn(dataDir, 'watchers')) kill(pid)
      await expect.poll(() => processesIn(dataDir, 'watchers')).toEqual([])
      await die()
    },
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // The process has already ended.
  }
}
