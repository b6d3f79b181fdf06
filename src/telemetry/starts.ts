import type { Attributes, Span } from '@opentelemetry/api'
import type { OpenCodeRuntimeError } from '../errors.ts'
import type { Lifecycle } from '../machines/lifecycle.ts'
import { ignoreErrors } from '../util/ignore-errors.ts'
import { metricLabels, spanLabels } from './agent-labels.ts'
import { scope } from './api.ts'
import type { Telemetry } from './meters.ts'
import { firstLine } from '../util/messages.ts'

/** Outcome of a start: `stopped` if the start was no longer needed. */
type StartOutcome = 'healthy' | 'failed' | 'stopped'

interface Start {
  at: number
  span: Span | undefined
  /** Error of an earlier start. This start did not cause it. */
  oldError: OpenCodeRuntimeError | undefined
}

/**
 * Telemetry of one server's lifecycle: a span and a count for each start, and a count for each restart. Never
 * throws.
 */
export class StartTelemetry {
  readonly #telemetry: Telemetry
  readonly #now: () => number
  #last: Lifecycle | undefined
  #start: Start | undefined

  constructor(telemetry: Telemetry, now: () => number) {
    this.#telemetry = telemetry
    this.#now = now
  }

  /** Records the next change of the lifecycle. */
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

  /** Ends an open start as `stopped`, because the server's actor has stopped. */
  close(): void {
    if (this.#last) this.#end('stopped', this.#last)
  }

  #begin(change: Lifecycle, last: Lifecycle | undefined): void {
    const { api, meters } = this.#telemetry
    const agent = this.#telemetry.agent()
    const reason = last?.state === 'reaping' ? restartReason(last.reason) : undefined
    const isRestart = change.restarts > (last?.restarts ?? 0)
    const why: Attributes = isRestart ? { 'opencode_runtime.reason': reason ?? 'other' } : {}
    if (isRestart) meters.write('restarts', 1, { ...why, ...metricLabels(agent) })
    const attributes = { 'opencode_runtime.restarts': change.restarts, ...why, ...spanLabels(agent) }
    // A root span: a timer that restarts a server carries the context of the request that set the timer.
    const span = ignoreErrors(() =>
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
    const labels = metricLabels(this.#telemetry.agent())
    meters.write('starts', 1, { ...attributes, ...labels })
    if (outcome === 'healthy') meters.write('timeToHealthy', (this.#now() - start.at) / 1000, labels)
    ignoreErrors(() => {
      start.span?.setAttributes({ ...attributes, ...(pid !== undefined && { 'process.pid': pid }) })
      if (outcome === 'failed' && error) this.#fail(start.span, error)
    })
    ignoreErrors(() => start.span?.end())
  }

  /** Records the first line of the error's message. The lines after it are the server's own output. */
  #fail(span: Span | undefined, { name, message: text }: OpenCodeRuntimeError): void {
    const { api, options } = this.#telemetry
    const message = options.secrets.mask(firstLine(text))
    span?.recordException({ name, message })
    span?.setStatus({ code: api.SpanStatusCode.ERROR, message })
  }
}

/**
 * Restart reasons in metrics, by the pattern of a lifecycle's `reason`. A fixed small set, to bound the
 * metric's cardinality.
 */
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
