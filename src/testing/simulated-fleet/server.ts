import type { SystemClock } from '../../actors/clock.ts'
import { remoteDirectories } from '../../actors/server/directory-policy.ts'
import type { ProcessFact } from '../../actors/server/process.ts'
import { SessionEventRouter } from '../../actors/server/session-event-router.ts'
import type { ServerConnection } from '../../actors/runtime.ts'
import { ServerExitedError } from '../../errors.ts'
import { SimulatedClient } from './client.ts'
import {
  usualBehaviour,
  type SimulatedBehaviour,
  type SimulatedPrompt,
  type SimulatedScript,
} from './script.ts'

/** Interval between two heartbeats of an event stream, in ms. */
const heartbeatMs = 10_000

/** Values that all servers of a simulated fleet share. */
export interface SimulatedHost {
  clock: SystemClock
  script: SimulatedScript
  /** Reports that the number of live processes has changed. */
  onProcess: () => void
}

/** Simulated server of an agent: its process, which a test may end, and its behaviour, which a test may change. */
export class SimulatedServer {
  readonly agentId: string
  readonly behaviour: SimulatedBehaviour = { ...usualBehaviour }
  /** All prompts that the servers of the agent have received, in order. */
  readonly received: SimulatedPrompt[] = []
  /** Number of processes that were started. */
  spawns = 0
  readonly #host: SimulatedHost
  readonly #sessions = new Map()
  #tell: ((fact: ProcessFact) => void) | undefined
  #timers: unknown[] = []
  #client: SimulatedClient | undefined
  #router: SessionEventRouter | undefined

  /** @internal */
  constructor(agentId: string, host: SimulatedHost) {
    this.agentId = agentId
    this.#host = host
  }

  /** True while the server's process lives. */
  get isAlive(): boolean {
    return this.#tell !== undefined
  }

  /** Ids of the sessions that have an unanswered prompt. */
  get busy(): string[] {
    return [...(this.#client?.prompts.keys() ?? [])]
  }

  /** Makes the process listen, so that the server becomes healthy. */
  listen(): void {
    this.#tell?.({ type: 'process.listening' })
  }

  /** Ends the process, as a crash does. */
  exit(): void {
    const tell = this.#tell
    if (!tell) return
    this.destroy()
    tell({ type: 'process.exited', error: new ServerExitedError('The process exited', { exitCode: 1 }) })
  }

  /**
   * Answers an unanswered prompt.
   *
   * @param sessionId - The session (default: the one that was asked first).
   * @param text - The text of the answer (default: the text of the scripted reply).
   */
  answer(sessionId = this.busy[0], text?: string): void {
    if (sessionId !== undefined) this.#client?.answer(sessionId, text)
  }

  /** Returns the connection of a start. @internal */
  connect(): ServerConnection {
    const { clock } = this.#host
    const router = new SessionEventRouter(clock.now)
    const client = new SimulatedClient({
      clock,
      sessions: this.#sessions as Map<string, { id: string; title: string; at: number }>,
      replyTo: (sessionId, text) => this.#replyTo(sessionId, text),
      emit: (event) => router.receive(event),
      requestMs: () => this.behaviour.requestMs,
    })
    this.#client = client
    this.#router = router
    const connection: unknown = { client, router, policy: remoteDirectories, directory: '/' }
    return connection as ServerConnection
  }

  /** Starts the process. @internal */
  spawn(tell: (fact: ProcessFact) => void): void {
    this.spawns++
    this.#tell = tell
    this.#host.onProcess()
    tell({ type: 'process.spawned', pid: 1_000 + this.spawns })
    const { startMs } = this.behaviour
    if (startMs !== Infinity) this.#after(startMs, () => this.listen())
  }

  /** Receives a signal. @internal */
  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    const { endMs } = this.behaviour
    if (endMs === Infinity) return
    this.#after(name === 'SIGKILL' ? 0 : endMs, () => this.exit())
  }

  /** Ends the process without a report. @internal */
  destroy(): void {
    if (!this.#tell) return
    this.#tell = undefined
    for (const timer of this.#timers) this.#host.clock.clearTimeout(timer)
    this.#timers = []
    this.#client?.close()
    this.#host.onProcess()
  }

  /** Opens the event stream, and returns a function that closes the stream. @internal */
  stream(onOpen: () => void): () => void {
    const router = this.#router
    let timer: unknown
    const beat = (): void => {
      router?.receive({ type: 'server.heartbeat', properties: {} })
      timer = this.#host.clock.setTimeout(beat, heartbeatMs)
    }
    router?.opened()
    onOpen()
    beat()
    return () => {
      this.#host.clock.clearTimeout(timer)
      router?.closed()
    }
  }

  #replyTo(sessionId: string, text: string) {
    const prompt = { agentId: this.agentId, sessionId, text }
    this.received.push(prompt)
    const reply = this.#host.script(prompt)
    return typeof reply === 'string' ? { text: reply } : (reply ?? {})
  }

  #after(ms: number, act: () => void): void {
    this.#timers.push(this.#host.clock.setTimeout(act, ms))
  }
}
