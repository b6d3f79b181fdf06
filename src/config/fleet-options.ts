import type { MetricAttribute } from './compiled-options.ts'
import type { ModelOptions, ProxyOptions } from './provider-options.ts'
import type { Logger, OpenCodeServerOptions, ReconfigureOptions, SpawnWrapper } from './server-options.ts'
import type { HostTool } from './host-tool.ts'
import type { PermissionPolicy, QuestionPolicy } from './turn-options.ts'
import type { WebhookTool } from './webhook-tool.ts'

/** Options of `Fleet`. */
export interface FleetOptions {
  /**
   * Absolute path of the folder of the agents' homes: the home of the agent `a1` is `{dataDir}/a1`. The
   * fleet's own records are in `{dataDir}/.fleet`.
   */
  dataDir: string
  /**
   * Options of every agent's server, which a spec overrides: `proxy` by field, `env` by variable, `hostTools`
   * by name, `config` by key at every depth, and any other option as a whole.
   *
   * @defaultValue none
   */
  defaults?: FleetDefaults
  /**
   * Limits of the whole fleet.
   *
   * @defaultValue the default of each limit
   */
  limits?: FleetLimits
  /**
   * Weight and limits of tenants, by name. A tenant without an entry has the defaults.
   *
   * @defaultValue none
   */
  tenants?: Readonly<Record<string, TenantOptions>>
  /**
   * Returns options of an agent that cannot be in its spec: functions, and secrets that no file should hold. The
   * function is called when the agent needs a server and has none, and when its spec has changed; a restart after a
   * crash keeps the options. They override the spec, and are not compared by `apply`.
   *
   * @defaultValue none
   */
  resolve?: (spec: AgentSpec) => ResolvedAgent | undefined | Promise<ResolvedAgent | undefined>
  /**
   * Secret that signs the calls of webhooks (`hostTools` of a spec): at least 24 characters. Give a random text that only
   * the fleet and the programs behind the webhooks know.
   *
   * @defaultValue a random secret, made on first use and kept in `{dataDir}/.fleet/webhooks.json`; `opencode-runtime
   * webhook-secret` prints it
   */
  webhookSecret?: string
  /**
   * Receiver of the log of the fleet and of all its servers. The lines name the agent (`agentId`) and its `tenant`.
   *
   * @defaultValue no log
   */
  logger?: Logger
  /**
   * Content of the fleet's metrics.
   *
   * @defaultValue the default of each option
   */
  telemetry?: FleetTelemetryOptions
}

/** Content of a fleet's metrics. */
export interface FleetTelemetryOptions {
  /**
   * Names that the metrics of the fleet and of its servers carry: of the agent, of its tenant, of both, or none.
   *
   * @defaultValue none
   * @remarks Each value of an attribute is a further series of each metric in the store of the metrics: a thousand
   * agents are a thousand times as many series. Spans and log lines always carry both names.
   */
  metricAttributes?: readonly MetricAttribute[]
}

/** Limits of a whole fleet. All of them hold at the same time. */
export interface FleetLimits {
  /**
   * Maximum number of servers that run at the same time.
   *
   * @defaultValue 16
   */
  maxServers?: number
  /**
   * Maximum number of servers that start at the same time.
   *
   * @defaultValue 2
   * @remarks Observed in opencode: a start takes 2 to 4 s of CPU.
   */
  maxStarting?: number
  /**
   * Maximum number of turns that run at the same time.
   *
   * @defaultValue 64
   */
  maxRunningTurns?: number
  /**
   * Maximum number of turns that wait in the fleet's queue; a further turn ends with the code `overloaded`.
   *
   * @defaultValue 10_000
   */
  maxQueuedTurns?: number
  /**
   * Memory of all servers together, in MiB. The fleet measures the whole process tree of each running server,
   * and reserves the agent's `memoryMb` for each server that starts.
   *
   * @defaultValue three quarters of the memory of the host, or of the container's limit
   * @remarks The default prevents that many servers together exhaust the host's memory.
   */
  memoryMb?: number
}

/** Share and limits of a tenant. */
export interface TenantOptions {
  /**
   * Share of running time, relative to the weights of the other tenants that have turns: 0.001 to 1000.
   *
   * @defaultValue 1
   */
  weight?: number
  /**
   * Maximum number of the tenant's turns that run at the same time; in a cluster, over all hosts.
   *
   * @defaultValue no limit of its own
   */
  maxRunningTurns?: number
  /**
   * Maximum number of the tenant's turns that wait in the fleet's queue; a further turn ends with the code
   * `overloaded`.
   *
   * @defaultValue no limit of its own
   */
  maxQueuedTurns?: number
}

/** Limits of an agent within its fleet. */
export interface AgentLimits {
  /**
   * Maximum number of the agent's turns that run at the same time.
   *
   * @defaultValue `maxConcurrentTurns` of the agent's server
   */
  maxRunningTurns?: number
  /**
   * Maximum number of the agent's turns that wait in the fleet's queue; a further turn ends with the code
   * `overloaded`.
   *
   * @defaultValue `maxQueuedTurns` of the fleet
   */
  maxQueuedTurns?: number
  /**
   * Memory that a start of the agent's server reserves until the server is measured, in MiB.
   *
   * @defaultValue 600
   */
  memoryMb?: number
}

/** Names of the options that the fleet itself sets for each server. */
type OwnOption = 'home' | 'port' | 'password' | 'logger'

/** Options that a layer of an agent's options gives in another form than a server's options. */
type LayeredOption = 'proxy' | 'models' | 'hostTools' | 'maxQueuedTurns'

/** Options of every agent's server: any option of a server, except those that the fleet itself sets. */
export interface FleetDefaults
  extends Partial<Omit<OpenCodeServerOptions, OwnOption | LayeredOption>>, AgentLimits {
  /** Endpoint of the models, or some of its fields; a spec or `resolve` gives the missing fields. */
  proxy?: Partial<ProxyOptions>
  /** Models of the agents' servers. */
  models?: (string | ModelOptions)[]
  /**
   * Tools of every agent: functions of this process by name, or a list of webhooks.
   *
   * @defaultValue no host tools
   */
  hostTools?: Readonly<Record<string, HostTool>> | readonly WebhookTool[]
}

/**
 * Declaration of an agent: its id, its limits, and the options of its server. The fleet keeps the declaration as
 * JSON in a file with mode 0600. An omitted option has the value of the fleet's `defaults`.
 */
export interface AgentSpec
  extends
    Partial<Omit<OpenCodeServerOptions, OwnOption | LayeredOption | 'spawn' | 'onPermission' | 'onQuestion'>>,
    AgentLimits {
  /** Id of the agent, unique in the fleet: 1 to 63 characters `a` to `z`, `0` to `9`, `_` and `-`. */
  id: string
  /**
   * Tenant whose share and limits the agent's turns count for; the same characters as in an id.
   *
   * @defaultValue `default`
   */
  tenant?: string
  /**
   * Texts of the caller by which the agent can be found; the fleet does not use them.
   *
   * @defaultValue none
   */
  labels?: Readonly<Record<string, string>>
  /** Endpoint of the models, or some of its fields; the fleet's `defaults` or `resolve` give the missing fields. */
  proxy?: Partial<ProxyOptions>
  /** Models of the agent's server. */
  models?: (string | ModelOptions)[]
  /**
   * Tools of the agent that other programs run: webhooks. A function cannot be in a spec; return it from `resolve`.
   *
   * @defaultValue no host tools
   */
  hostTools?: readonly WebhookTool[]
  /**
   * Answer to permission requests. A function cannot be in a spec; return it from `resolve`.
   *
   * @defaultValue `'reject'`
   */
  onPermission?: Extract<PermissionPolicy, string>
  /**
   * Answer to questions. A function cannot be in a spec; return it from `resolve`.
   *
   * @defaultValue `'reject'`
   */
  onQuestion?: Extract<QuestionPolicy, string>
}

/** Options of an agent that cannot be in its spec, as the fleet's option `resolve` returns them. */
export interface ResolvedAgent extends ReconfigureOptions {
  /** Answer to permission requests, as in the options of a server. */
  onPermission?: PermissionPolicy
  /** Answer to questions, as in the options of a server. */
  onQuestion?: QuestionPolicy
  /** Command that runs the agent's server, as in the options of a server. */
  spawn?: SpawnWrapper
}
