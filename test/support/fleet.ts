import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, vi } from 'vitest'
import { Fleet, type FleetEvent, type FleetOptions, type Turn } from '../../src/index.ts'
import { watcherName } from '../../src/io/process/watcher.ts'
import { fakeOpenCode, type FakeFaults, type FakeOpenCodeOptions } from '../../src/testing/index.ts'
import { isListening, tempHome } from './home.ts'

/** Creates a fleet on a fake opencode. Closes it when the test finishes, and asserts that nothing is left. */
export async function fakeFleet(
  options: Partial<FleetOptions> & FakeOpenCodeOptions & { faults?: FakeFaults | readonly FakeFaults[] } = {},
) {
  const { script, faults = {}, defaults, dataDir = tempHome(), ...rest } = options
  const fake = await fakeOpenCode(faults, { ...(script && { script }) })
  const watches: FleetWatch[] = []
  /** Creates a fleet; a second one has the same data folder. */
  const make = (more: Partial<FleetOptions> = {}) => {
    const fleet = new Fleet({
      dataDir,
      ...rest,
      ...more,
      defaults: { ...fleetDefaults, binary: fake.binary, ...defaults, ...more.defaults },
    })
    const watch = new FleetWatch(fleet)
    watches.push(watch)
    return { fleet, watch }
  }
  const first = make()
  onTestFinished(async () => {
    for (const { fleet } of watches) await fleet.close()
    await fake.stop()
    await expectNothingLeftOf(
      dataDir,
      watches.flatMap(({ baseURLs }) => [...baseURLs]),
    )
  })
  return { ...first, make, fake, dataDir }
}

/** Options of all agents of a test's fleet. */
export const fleetDefaults = {
  proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-fake-test-0123456789' },
  models: ['gpt-4o'],
  backoffInitialMs: 10,
}

/** Account of a fleet's events: the most processes and turns at a time, and the ends of turns. */
export class FleetWatch {
  readonly fleet: Fleet
  readonly events: FleetEvent[] = []
  readonly baseURLs = new Set<string>()
  /** Most servers with a process, and most running turns of the fleet and of each tenant, at the same time. */
  readonly most = { servers: 0, turns: 0, turnsOf: new Map<string, number>() }
  /** Codes of the ends of each turn. */
  readonly ends = new Map<string, string[]>()
  readonly #pids = new Map<string, number>()
  readonly #running = new Map<string, string>()

  constructor(fleet: Fleet) {
    this.fleet = fleet
    fleet.events$.subscribe((event) => {
      this.events.push(event)
      this.#note(event)
    })
  }

  /** Returns the events of one type. */
  of<Type extends FleetEvent['type']>(type: Type) {
    return this.events.filter((event): event is Extract<FleetEvent, { type: Type }> => event.type === type)
  }

  #note(event: FleetEvent): void {
    if (event.type === 'agent.lifecycle') {
      const { pid, baseURL } = event.lifecycle
      if (pid === undefined) this.#pids.delete(event.agentId)
      else this.#pids.set(event.agentId, pid)
      if (baseURL !== undefined) this.baseURLs.add(baseURL)
      this.most.servers = Math.max(this.most.servers, this.#pids.size)
    }
    if (event.type === 'turn.started') {
      this.#running.set(event.turnId, event.tenant)
      const ofTenant = [...this.#running.values()].filter((tenant) => tenant === event.tenant).length
      const { turnsOf } = this.most
      turnsOf.set(event.tenant, Math.max(turnsOf.get(event.tenant) ?? 0, ofTenant))
      this.most.turns = Math.max(this.most.turns, this.#running.size)
    }
    if (event.type !== 'turn.ended') return
    this.#running.delete(event.turnId)
    this.ends.set(event.turnId, [...(this.ends.get(event.turnId) ?? []), event.code])
  }
}

/** Returns how turns end, in order: `final`, or the code of the error. */
export const endsOf = (turns: readonly Turn[]): Promise<string[]> =>
  Promise.all(
    turns.map(async ({ done }) => {
      const reply = await done
      return reply.kind === 'error' ? reply.code : reply.kind
    }),
  )

/** Returns the pids of the processes of all homes in a data folder: servers with their tools, or watchers. */
export function processesIn(dataDir: string, kind: 'servers' | 'watchers' = 'servers'): number[] {
  const [file, own] = kind === 'servers' ? ['environ', `HOME=${dataDir}/`] : ['cmdline', `${dataDir}/`]
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      const texts = pid > 0 ? readList(`/proc/${pid}/${file}`) : []
      const isOurs = texts.some((text) => text.startsWith(own))
      return isOurs && (kind === 'servers' || texts.includes(watcherName))
    })
}

function readList(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\0')
  } catch {
    return []
  }
}

/** Asserts that a closed fleet has left no process, port, lock, draft or temporary file. */
export async function expectNothingLeftOf(dataDir: string, baseURLs: readonly string[] = []): Promise<void> {
  expect(processesIn(dataDir)).toEqual([])
  await vi.waitFor(() => expect(processesIn(dataDir, 'watchers')).toEqual([]), {
    timeout: 10_000,
    interval: 50,
  })
  // Another program may have one of the ports for a while.
  const released = async (): Promise<void> => {
    for (const baseURL of baseURLs) expect(await isListening(baseURL)).toBe(false)
  }
  await vi.waitFor(released, { timeout: 30_000, interval: 200 })
  const folder = join(dataDir, '.fleet')
  if (!existsSync(folder)) return
  expect(readdirSync(folder).filter((name) => /\.[\da-f]{8}-/.test(name) || name === 'lock')).toEqual([])
  expect(readdirSync(join(folder, 'agents')).filter((name) => !name.endsWith('.json'))).toEqual([])
}
