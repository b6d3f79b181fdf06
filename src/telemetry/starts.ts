import type { Attributes, Span } from '@opentelemetry/api'
import type { OpenCodeRuntimeError } from '../errors.ts'
import type { Lifecycle } from '../api/lifecycle.ts'
import { quietly } from '../util/quietly.ts'
import { scope } from './api.ts'
import type { Telemetry } from './telemetry.ts'
import { firstLine } from '../util/messages.ts'

/** How a start ended: `stopped` where it was no longer wanted. */
type StartOutcome = 'healthy' | 'failed' | 'stopped'

interface Start {
  at: number
  span: Span | undefined
  /** Of an earlier start: none of this one's. */
  oldError: OpenCodeRuntimeError | undefined
}

/** Follows the lifecycle of one server: a span and a count for each start, a count for each restart. Never throws. */
export class StartTelemetry {
  readonly #telemetry: Telemetry
  readonly #now: () => number
  #last: Lifecycle | undefined
  #start: Start | undefined

  constructor(telemetry: Telemetry, now: () => number) {
    this.#telemetry = telemetry
    this.#now = now
  }

  /** The next change of the lifecycle. */
  next(change: Lifecycle): void {
    const last = this.#last
    this.#last = change
    if (last?.state === change.state) return
    if (change.state === 'configuring') this.#begin(change, last)
    else if (change.state === 'healthy') this.#end('healthy', change)
    else if (change.state !== 'spawning' && change.state !== 'probing') {
      const hasFailed = change.error !== undefined && change.error !== this.#start?.oldError
      this.#end(hasFailed ? 'failed' : 'stopped', change)
    }
  }

  /** The server's actor has stopped. */
  close(): void {
    if (this.#last) this.#end('stopped', this.#last)
  }

  #begin(change: Lifecycle, last: Lifecycle | undefined): void {
    const { api, meters } = this.#telemetry
    const reason = last?.state === 'reaping' ? restartReason(last.reason) : undefined
    const isRestart = change.restarts > (last?.restarts ?? 0)
    if (isRestart) meters.write('restarts', 1, { 'opencode_runtime.reason': reason ?? 'other' })
    const attributes: Attributes = {
      'opencode_runtime.restarts': change.restarts,
      ...(isRestart && { 'opencode_runtime.reason': reason ?? 'other' }),
    }
    // A trace of its own: a timer that restarts a server would bring the context of whichever request once set it.
    const span = quietly(() =>
      api.trace
        .getTracer(scope.name, scope.version)
        .startSpan('opencode_runtime.server.start', { attributes, root: true }),
    )
    this.#start = { at: this.#now(), span, oldError: change.error }
  }

  #end(outcome: StartOutcome, { pid, error }: Lifecycle): void {
    const start = this.#start
    if (!start) return
    this.#start = undefined
    const { meters } = this.#telemetry
    const failure = outcome === 'failed' && error ? { 'error.type': error.code } : {}
    const attributes: Attributes = { 'opencode_runtime.outcome': outcome, ...failure }
    meters.write('starts', 1, attributes)
    if (outcome === 'healthy') meters.write('timeToHealthy', (this.#now() - start.at) / 1000, {})
    quietly(() => {
      start.span?.setAttributes({ ...attributes, ...(pid !== undefined && { 'process.pid': pid }) })
      if (outcome === 'failed' && error) this.#fail(start.span, error)
    })
    quietly(() => start.span?.end())
  }

  /** Only the first line of the message: what follows is the server's own output. */
  #fail(span: Span | undefined, { name, message: text }: OpenCodeRuntimeError): void {
    const { api, options } = this.#telemetry
    const message = options.secrets.mask(firstLine(text))
    span?.recordException({ name, message })
    span?.setStatus({ code: api.SpanStatusCode.ERROR, message })
  }
}

/** Few, for ever: what a lifecycle's `reason` says, as a metric may say it. */
const reasons = [
  [/^exited$/, 'exited'],
  [/^wedged$/, 'wedged'],
  [/^start timed out$/, 'start_timed_out'],
  [/memory/i, 'memory_limit'],
  [/reconfigur/i, 'reconfigured'],
] as const

type RestartReason = (typeof reasons)[number][1] | 'other'

const restartReason = (reason = ''): RestartReason =>
  reasons.find(([pattern]) => pattern.test(reason))?.[1] ?? 'other'
