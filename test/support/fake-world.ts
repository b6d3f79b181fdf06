import { fromCallback, fromPromise, type EventObject } from 'xstate'
import { clockOf, type SystemClock } from '../../src/actors/clock.ts'
import { remoteDirectories, type DirectoryPolicy } from '../../src/actors/server/directory-policy.ts'
import type { HomeCommand } from '../../src/actors/server/home.ts'
import { SessionEventRouter } from '../../src/actors/server/session-event-router.ts'
import type { MemoryReading } from '../../src/actors/server/memory.ts'
import type { Prepared } from '../../src/actors/server/prepare.ts'
import type { ProbeAnswer } from '../../src/actors/server/probe.ts'
import type { ProcessCommand, ProcessFact } from '../../src/actors/server/process.ts'
import { runtimeOf, type ServerConnection, type ServerInput } from '../../src/actors/runtime.ts'
import { watchSilence, type StreamFact } from '../../src/actors/server/events.ts'
import { ServerExitedError } from '../../src/errors.ts'
import { tested } from '../../src/io/opencode/versions.ts'
import { FakeClient } from './fake-client.ts'

/** Behaviour of the world; may be changed at any moment. */
export interface Script {
  prepare: 'ok' | 'hangs' | Error
  /** Pid of an orphan that the preparation ended. */
  orphan: number | undefined
  /** `pending`: the process runs, but reports nothing until the test says so. */
  spawn: 'listens' | 'silent' | 'exits' | 'cannotStart' | 'pending'
  /** `pending`: the probe is answered by `answerProbe`. */
  probe: 'ok' | 'fails' | 'hangs' | 'pending' | Error
  version: string | undefined
  residentMb: number | undefined | Error | 'hangs'
  warmUp: 'ok' | 'fails' | 'hangs'
  /** Message of a probe, warm-up or dispose that fails. */
  failure: string
  dispose: 'ok' | 'fails' | 'hangs'
  stream: 'opens' | 'pending'
  heartbeats: boolean
  /** Signal that ends the process: `secondTerm` swallows one SIGTERM. */
  endsOn: 'SIGTERM' | 'secondTerm' | 'SIGKILL' | 'nothing'
  /** Results of the next sweeps. */
  leftovers: (number | Error)[]
}

const goodWorld: Script = {
  prepare: 'ok',
  orphan: undefined,
  spawn: 'listens',
  probe: 'ok',
  version: tested.to,
  residentMb: undefined,
  warmUp: 'ok',
  failure: 'no',
  dispose: 'ok',
  stream: 'opens',
  heartbeats: true,
  endsOn: 'SIGTERM',
  leftovers: [],
}

/** Throws if the actor's server has no runtime, as a real actor would. */
const serve = ({ runtime }: ServerInput): void => void runtimeOf(runtime)
const never = new Promise<never>(() => undefined)

/** Fake process, which only reports its state. */
export class FakeProcess {
  readonly pid: number
  readonly #world: FakeWorld
  readonly #tell: (fact: ProcessFact) => void
  #terms = 0

  constructor(world: FakeWorld, pid: number, tell: (fact: ProcessFact) => void) {
    this.pid = pid
    this.#world = world
    this.#tell = tell
  }

  get isAlive(): boolean {
    return this.#world.alive.has(this)
  }

  spawned(): void {
    this.#tell({ type: 'process.spawned', pid: this.pid })
  }

  listen(): void {
    this.#tell({ type: 'process.listening' })
  }

  /** Ends by itself, or by a signal. */
  exit(message = `process ${this.pid} crashed`): void {
    if (!this.#world.alive.delete(this)) return
    this.#tell({ type: 'process.exited', error: new ServerExitedError(message, { exitCode: 1 }) })
  }

  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    const { endsOn } = this.#world.script
    this.#world.note(name)
    if (name === 'SIGTERM') this.#terms++
    const isEnd = endsOn === name || (endsOn === 'secondTerm' && (name === 'SIGKILL' || this.#terms > 1))
    // The end is reported later, as in the real world.
    if (isEnd || (name === 'SIGKILL' && endsOn !== 'nothing'))
      queueMicrotask(() => this.exit(`ended by ${name}`))
  }

  destroy(): void {
    if (this.#world.alive.delete(this)) this.#world.note('destroy')
  }
}

/** Scripted world behind the server machine: its actors, a log of their calls, and the live processes. */
export class FakeWorld {
  readonly script: Script
  readonly client = new FakeClient()
  readonly alive = new Set<FakeProcess>()
  readonly log: { what: string; at: number }[] = []
  /** Highest number of live processes. More than one violates the lifecycle. */
  mostAlive = 0
  spawns = 0
  /** True while the machine holds its home, which every process and preparation needs. */
  isHomeHeld = false
  router: SessionEventRouter | undefined
  /** Policy for the directories of turns. */
  policy: DirectoryPolicy = remoteDirectories
  /** Answers the probe that is pending. */
  answerProbe: () => void = () => undefined
  #process: FakeProcess | undefined
  #clock: SystemClock | undefined
  #tellStream: (fact: StreamFact) => void = () => undefined
  #stopWatching = (): void => undefined

  constructor(script: Partial<Script> = {}) {
    this.script = { ...goodWorld, ...script }
  }

  /** Latest process. */
  get process(): FakeProcess {
    if (!this.#process) throw new Error('no process was spawned')
    return this.#process
  }

  note(what: string): void {
    this.log.push({ what, at: this.#clock?.now() ?? 0 })
  }

  /** Returns the calls to the world in order, without probes unless named. */
  did(...names: string[]): string[] {
    const isNamed = (what: string) => (names.length === 0 ? what !== 'probe' : names.includes(what))
    return this.log.map(({ what }) => what).filter(isNamed)
  }

  /** Returns the times of a call, in ms of the simulated clock. */
  times(what: string): number[] {
    return this.log.filter((entry) => entry.what === what).map(({ at }) => at)
  }

  loseStream(): void {
    this.#stopWatching()
    this.router?.lost()
    this.#tellStream({ type: 'stream.lost' })
  }

  openStream(): void {
    this.router?.opened()
    if (this.router && this.#clock)
      this.#stopWatching = watchSilence(this.router, this.#clock, () => this.loseStream())
    this.#tellStream({ type: 'stream.opened' })
  }

  /** Returns the actors for `serverMachine.provide({ actors })`; turns keep their real logic. */
  actors() {
    return {
      home: fromCallback<HomeCommand | EventObject, ServerInput>(({ input, receive }) => {
        serve(input)
        receive(({ type }) => void (this.isHomeHeld = type === 'home.hold'))
        return () => void (this.isHomeHeld = false)
      }),
      prepare: fromPromise<Prepared, ServerInput>(({ input, system }) =>
        this.#prepare(input, clockOf(system)),
      ),
      serverProcess: fromCallback<ProcessCommand | EventObject, ServerInput>(
        ({ input, sendBack, receive }) => {
          serve(input)
          const process = this.#spawn((fact) => sendBack(fact))
          receive((event) => {
            if (event.type === 'process.signal') process.signal((event as ProcessCommand).signal)
          })
          return () => process.destroy()
        },
      ),
      probe: fromPromise<ProbeAnswer | undefined, ServerInput & { withConfig: boolean }>(
        async ({ input, signal }) => {
          serve(input)
          signal.addEventListener('abort', () => this.note('probe aborted'))
          await this.#probe(input.withConfig ? 'probe with config' : 'probe')
          return { version: this.script.version }
        },
      ),
      memory: fromPromise<MemoryReading, ServerInput>(({ input }) => {
        serve(input)
        const { residentMb } = this.script
        if (residentMb === 'hangs') return never
        if (residentMb instanceof Error) return Promise.reject(residentMb)
        return Promise.resolve({ residentMb })
      }),
      warmUp: fromPromise<undefined, ServerInput>(({ input, signal }) => {
        serve(input)
        signal.addEventListener('abort', () => this.note('warm-up aborted'))
        return this.#answer('warm-up', this.script.warmUp)
      }),
      events: fromCallback<EventObject, ServerInput>(({ input, sendBack }) => {
        serve(input)
        return this.#stream((fact) => sendBack(fact))
      }),
      dispose: fromPromise<undefined, ServerInput>(({ input }) => {
        if (runtimeOf(input.runtime).isQuiet) return Promise.resolve(undefined)
        return this.#answer('dispose', this.script.dispose)
      }),
      sweep: fromPromise<{ left: number }, ServerInput>(({ input }) => {
        serve(input)
        return this.#sweep()
      }),
    }
  }

  async #prepare({ options, runtime }: ServerInput, clock: SystemClock): Promise<Prepared> {
    this.#clock = clock
    this.note(this.isHomeHeld ? 'prepare' : 'prepare in a home that is not held')
    if (this.script.prepare === 'hangs') return never
    await Promise.resolve()
    if (this.script.prepare instanceof Error) throw this.script.prepare
    this.router = new SessionEventRouter(clock.now)
    const { directory } = options.values
    const link: unknown = { client: this.client, router: this.router, policy: this.policy, directory }
    runtimeOf(runtime).connection = link as ServerConnection
    return { baseURL: `http://127.0.0.1:${4096 + this.spawns}`, reaped: this.script.orphan }
  }

  #spawn(tell: (fact: ProcessFact) => void): FakeProcess {
    this.note('spawn')
    const process = new FakeProcess(this, 1000 + ++this.spawns, tell)
    this.#process = process
    this.alive.add(process)
    this.mostAlive = Math.max(this.mostAlive, this.alive.size)
    const { spawn } = this.script
    if (spawn === 'pending') return process
    if (spawn === 'cannotStart') process.exit('could not be started')
    else process.spawned()
    if (spawn === 'listens') process.listen()
    if (spawn === 'exits') queueMicrotask(() => process.exit())
    return process
  }

  async #probe(what: string): Promise<void> {
    const { probe } = this.script
    if (probe === 'ok' || probe === 'fails' || probe === 'hangs') return this.#answer(what, probe)
    this.note(what)
    if (probe instanceof Error) throw probe
    await new Promise<void>((resolve) => (this.answerProbe = resolve))
  }

  async #answer(what: string, how: 'ok' | 'fails' | 'hangs'): Promise<undefined> {
    this.note(what)
    if (how === 'hangs') return never
    await Promise.resolve()
    if (how === 'fails') throw new Error(`the ${what} failed: ${this.script.failure}`)
  }

  #stream(tell: (fact: StreamFact) => void): () => void {
    this.note('stream')
    this.#tellStream = tell
    let timer: unknown
    const beat = (): void => {
      if (this.script.heartbeats) this.router?.receive({ type: 'server.heartbeat', properties: {} })
      timer = this.#clock?.setTimeout(beat, 10_000)
    }
    if (this.script.stream === 'opens') {
      this.openStream()
      beat()
    }
    return () => {
      this.note('stream closed')
      this.#stopWatching()
      this.#clock?.clearTimeout(timer)
      this.router?.closed()
    }
  }

  #sweep(): Promise<{ left: number }> {
    this.note('sweep')
    const left = this.script.leftovers.shift() ?? 0
    return left instanceof Error ? Promise.reject(left) : Promise.resolve({ left })
  }
}
