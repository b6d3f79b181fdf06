import type { AgentKey } from '../../../src/cluster/store/cluster-store.ts'
import type { MemoryCluster } from '../../../src/cluster/store/memory/memory-store.ts'
import { RequestClosedError } from '../../../src/errors.ts'
import type { ScriptedTurn } from '../scripted-agents.ts'
import { scriptedHost, type HostClock, type ScriptedHost } from '../scripted-host.ts'
import type { SteppedClock } from '../stepped-clock.ts'

/** Time that a server takes for an answer, in ms. */
const answerMs = 5

/** Host of a walk. */
export interface WalkedHost {
  readonly host: ScriptedHost
  isPaused: boolean
  /** True for a host that was killed, or has left. */
  isGone: boolean
}

/** Limits of the hosts of a walk. */
export interface HostLimits {
  readonly maxAgents: number
  readonly maxTurns: number
  readonly idleMs: number
}

/** Hosts of a walk, with their faults. */
export class WalkedHosts {
  readonly all: WalkedHost[] = []
  /** Answers that servers have taken, by request. */
  readonly counted = new Map<string, unknown[]>()
  readonly #memory: MemoryCluster
  readonly #clock: SteppedClock
  readonly #agents: readonly AgentKey[]
  readonly #limits: HostLimits

  constructor(memory: MemoryCluster, clock: SteppedClock, agents: readonly AgentKey[], limits: HostLimits) {
    this.#memory = memory
    this.#clock = clock
    this.#agents = agents
    this.#limits = limits
  }

  start(id = `h${this.all.length + 1}`, limits = this.#limits): void {
    const host = scriptedHost({ cluster: this.#memory, clock: this.#clock }, id, this.#agents, limits)
    host.runner.onTurn = (turn) => this.#onTurn(turn, host.clock)
    this.all.push({ host, isPaused: false, isGone: false })
  }

  get alive(): WalkedHost[] {
    for (const walked of this.all) if (walked.host.state === 'left') walked.isGone = true
    return this.all.filter(({ isGone }) => !isGone)
  }

  /** Turns that run on hosts that are neither paused nor gone. */
  get running(): ScriptedTurn[] {
    return this.alive.filter(({ isPaused }) => !isPaused).flatMap(({ host }) => host.runner.running)
  }

  kill(walked: WalkedHost): void {
    walked.isGone = true
    walked.host.link.cut()
    walked.host.actor.stop()
  }

  pause(walked: WalkedHost): void {
    walked.isPaused = true
    walked.host.clock.isPaused = true
    walked.host.link.cut()
  }

  resume(walked: WalkedHost): void {
    if (!walked.isPaused) return
    walked.isPaused = false
    walked.host.clock.resume()
    walked.host.link.mend()
  }

  mendAll(): void {
    for (const walked of this.alive) {
      this.resume(walked)
      walked.host.link.losesAnswers = false
      walked.host.link.mend()
    }
  }

  stopAll(): void {
    for (const { host } of this.all) {
      host.clock.resume()
      host.actor.stop()
    }
  }

  /** Makes a turn end at its time limit, and take one answer to each request, as a server does. */
  #onTurn(turn: ScriptedTurn, clock: HostClock): void {
    const { turnId = '', deadlineMs, traceId = null } = turn.input
    turn.session(`ses_${turnId}`)
    if (deadlineMs !== undefined) {
      const error = { code: 'deadline_exceeded', error: 'The time is over', retryable: true } as const
      const timer = clock.setTimeout(
        () => turn.end({ kind: 'error', trace_id: traceId, ...error }),
        deadlineMs,
      )
      void turn.done.then(() => clock.clearTimeout(timer))
    }
    const isOpen = (id: string): boolean => turn.openRequests.some(({ request }) => request.id === id)
    turn.answer = async (requestId, answer) => {
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, answerMs))
      if (!isOpen(requestId)) throw new RequestClosedError(`The request ${requestId} is closed`)
      this.counted.set(requestId, [...(this.counted.get(requestId) ?? []), answer])
      turn.openRequests$.next(turn.openRequests.filter(({ request }) => request.id !== requestId))
    }
  }
}
