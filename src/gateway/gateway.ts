import type { Fleet } from '../api/fleet/fleet.ts'
import { dataDirOf } from '../api/fleet/internals.ts'
import { stopSchema } from '../config/option-schema.ts'
import { parse } from '../config/validation.ts'
import { ignoreErrors } from '../util/ignore-errors.ts'
import { messageOf } from '../util/messages.ts'
import { Authority } from './access/authority.ts'
import { HostPaths } from './access/host-paths.ts'
import { HostPolicy } from './access/host-policy.ts'
import { OriginPolicy } from './access/origin-policy.ts'
import { callerAddress } from './access/refusal-limit.ts'
import type { GatewayCluster, GatewayContext, GatewayPhase, GatewayState } from './context.ts'
import { agentsOf } from './cluster/cluster-agents.ts'
import { turnsOf } from './cluster/turns-of.ts'
import { addressOf } from './http/address.ts'
import { createApp, serveRequest, type GatewayApp } from './http/app.ts'
import { RequestCounter } from './http/request-counter.ts'
import { formOf } from './http/failure-form.ts'
import type { Gateway, GatewayCloseOptions } from './gateway-handle.ts'
import type { Route } from './http/route.ts'
import { ProblemError } from './http/problem.ts'
import { resolveGatewayOptions } from './option-schema.ts'
import type { GatewayOptions, GatewaySettings, ResolvedGatewayOptions } from './options.ts'
import type { GatewayPart, PartMaker } from './part.ts'
import type { TurnLog } from './turns/turn-log.ts'

/** Parts that a gateway is made of. */
export interface GatewayMakers {
  log: (options: ResolvedGatewayOptions) => TurnLog
  parts: readonly PartMaker[]
}

/** Gateway of these parts. */
export class AssembledGateway implements Gateway {
  readonly ready: Promise<void>
  readonly #fixed: Omit<GatewayOptions, keyof GatewaySettings>
  readonly #context: GatewayContext
  readonly #parts: readonly GatewayPart[]
  readonly #routes: readonly Route[]
  readonly #app: GatewayApp
  readonly #closed = new AbortController()
  readonly #state: { phase: GatewayPhase; error?: unknown } = { phase: 'starting' }
  #closing: Promise<void> | undefined

  constructor(given: GatewayOptions, makers: GatewayMakers) {
    const options = resolveGatewayOptions(given)
    const { fleet } = given
    const cluster = clusterOf(given)
    this.#fixed = withoutSettings(given)
    const running = turnsOf(fleet, cluster, makers.log(options), this.#closed.signal)
    this.#context = {
      ...contextOf(fleet, options, this.#state, this.#closed.signal),
      cluster,
      ...running,
      agents: agentsOf(fleet, cluster, running.turns.requests, this.#closed.signal),
    }
    this.#parts = makers.parts.map((make) => make(this.#context, () => this.#parts))
    this.#routes = this.#parts.flatMap((part) => part.routes)
    this.#app = createApp(this.#context, this.#routes)
    this.ready = this.#open()
    // A host that does not read the promise must not crash.
    this.ready.catch(() => undefined)
  }

  readonly fetch = async (request: Request, connection?: unknown): Promise<Response> => {
    if (this.#state.phase === 'closed')
      return formOf(this.#routes, new URL(request.url).pathname).answer(closedProblem())
    const { trustProxy } = this.#context.options
    const address = callerAddress(addressOf(request, connection), request.headers, trustProxy)
    return serveRequest(this.#app, this.#context, request, address)
  }

  readonly close = async (options: GatewayCloseOptions = {}): Promise<void> => {
    const { drainMs } = parse(stopSchema, options, 'option')
    this.#closing ??= this.#close(drainMs)
    await this.#closing
  };

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Replaces settings; see `changeSettings`. */
  change(settings: GatewaySettings): void {
    const options = resolveGatewayOptions({ ...this.#fixed, ...settings })
    Object.assign(this.#context, { options, ...policiesOf(options) })
    this.#context.log.bound(options)
  }

  /** Ends the wait of `close` for turns. */
  async endDrain(): Promise<void> {
    for (const part of this.#parts) await part.drain?.(0)
  }

  async #open(): Promise<void> {
    try {
      await this.#context.fleet.ready
      await this.#context.log.ready
      for (const part of this.#parts) await part.open?.()
      if (this.#state.phase === 'starting') this.#state.phase = 'ready'
    } catch (error) {
      if (this.#state.phase === 'starting') Object.assign(this.#state, { phase: 'failed', error })
      const { logger } = this.#context.options
      ignoreErrors(() => logger?.error({ error: messageOf(error) }, 'The gateway cannot run turns'))
      throw error
    }
  }

  async #close(drainMs: number): Promise<void> {
    this.#state.phase = 'draining'
    await this.ready.catch(() => undefined)
    for (const part of this.#parts) await part.drain?.(drainMs)
    this.#state.phase = 'closed'
    this.#closed.abort()
    this.#context.authority.close()
    await this.#context.log.close()
  }
}

function contextOf(
  fleet: Fleet,
  options: ResolvedGatewayOptions,
  state: GatewayState,
  closed: AbortSignal,
): Omit<GatewayContext, 'log' | 'turns' | 'agents' | 'cluster'> {
  const { logger, dataDir } = options
  const warn = (message: string): void => ignoreErrors(() => logger?.warn({ dataDir }, message))
  return {
    fleet,
    options,
    state,
    closed,
    authority: new Authority({ ...options, warn }),
    ...policiesOf(options),
    paths: new HostPaths([dataDir, dataDirOf(fleet)]),
    requests: new RequestCounter(),
  }
}

const clusterOf = ({ cluster: handle, host }: GatewayOptions): GatewayCluster | undefined =>
  handle && { handle, host }

/** Returns the options that stay as they are for the life of a gateway. */
function withoutSettings(given: GatewayOptions): Omit<GatewayOptions, keyof GatewaySettings> {
  const { retentionDays, maxStoreMb, allowedHosts, allowedOrigins, trustProxy, maxBodyBytes, ...fixed } =
    given
  return fixed
}

const policiesOf = (options: ResolvedGatewayOptions): Pick<GatewayContext, 'hosts' | 'origins'> => ({
  hosts: new HostPolicy(options),
  origins: new OriginPolicy(options.allowedOrigins),
})

const closedProblem = (): ProblemError =>
  new ProblemError({ status: 503, code: 'ERR_OPENCODE_STOPPED', detail: 'The gateway was closed' })
