import type { AgentRunner } from '../agent-runner.ts'
import type { ContextKeys } from '../context-seal.ts'
import type { Homes } from '../homes.ts'
import { keyOf, type AgentKey, type ClusterStore } from '../store/cluster-store.ts'
import type { ConversationSessions } from './mailbox/owned-turn.ts'
import { TenantQuotas } from '../quota/tenant-quotas.ts'
import { TurnGate } from './turn-gate.ts'

/** Most conversations whose sessions a host remembers. */
const mostSessions = 10_000

/** Parts of one host that never enter the context or the events of its machine. */
export class HostRuntime {
  readonly store: ClusterStore
  readonly runner: AgentRunner
  readonly homes: Homes
  /** Keys of the contexts of turns; `undefined` for a host that opens none. */
  readonly contexts: ContextKeys | undefined
  readonly gate: TurnGate
  readonly quotas: TenantQuotas
  /** Logs a warning. */
  readonly warn: (message: string, fields: Readonly<Record<string, string>>) => void
  /** Returns the time, in epoch ms. */
  readonly now: () => number
  /** Sessions by agent and conversation. They outlive the ownership of an agent, because its home stays on the host. */
  readonly #sessions = new Map<string, string>()

  constructor(
    parts: Pick<HostRuntime, 'store' | 'runner' | 'homes'> & Partial<Pick<HostRuntime, 'contexts' | 'warn'>>,
    now: () => number = Date.now,
  ) {
    this.store = parts.store
    this.runner = parts.runner
    this.homes = parts.homes
    this.contexts = parts.contexts
    this.warn = parts.warn ?? (() => undefined)
    this.quotas = new TenantQuotas((tenant) => parts.runner.capOf(tenant))
    this.gate = new TurnGate(parts.runner.maxTurns, this.quotas)
    this.now = now
  }

  /** Returns the sessions of an agent's conversations. The oldest are forgotten. */
  sessionsOf(agent: AgentKey): ConversationSessions {
    const sessions = this.#sessions
    const keyFor = (conversation: string): string => `${keyOf(agent)}.${conversation}`
    return {
      get: (conversation) => sessions.get(keyFor(conversation)),
      set: (conversation, sessionId) => {
        const [oldest] = sessions.keys()
        if (sessions.size >= mostSessions && oldest !== undefined) sessions.delete(oldest)
        sessions.set(keyFor(conversation), sessionId)
      },
      delete: (conversation) => void sessions.delete(keyFor(conversation)),
    }
  }
}

let open: (handle: HostHandle) => HostRuntime

/**
 * Opaque handle of a {@link HostRuntime} in a machine's context, passed to actors as input.
 *
 * @remarks Inspectors and `JSON.stringify` do not see the runtime behind the handle.
 */
export class HostHandle {
  readonly #runtime: HostRuntime

  constructor(runtime: HostRuntime) {
    this.#runtime = runtime
  }

  static {
    open = (handle) => handle.#runtime
  }
}

/** Returns the runtime behind a machine's handle. */
export const hostRuntimeOf = (handle: HostHandle): HostRuntime => open(handle)

/** Identity of a run of a host, and the terms of its lease. */
export interface HostIdentity {
  readonly runtime: HostHandle
  readonly hostId: string
  readonly incarnation: string
  readonly leaseMs: number
}
