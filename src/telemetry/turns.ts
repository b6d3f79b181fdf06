import type { Attributes, Span } from '@opentelemetry/api'
import { safeLine } from '../actors/turn/reducer/failure.ts'
import { modelOf } from '../actors/turn/model.ts'
import type { TurnHooks } from '../actors/hooks.ts'
import type { ModelRef } from '../io/opencode/client.ts'
import type { TurnRecord, TurnState } from '../actors/turn/turn-record.ts'
import { ignoreErrors } from '../util/ignore-errors.ts'
import type { AgentName } from '../config/compiled-options.ts'
import type { TerminalReply, Usage } from '../replies.ts'
import { metricLabels, spanLabels } from './agent-labels.ts'
import { scope } from './api.ts'
import type { Telemetry } from './meters.ts'

/**
 * Telemetry of one turn: a span under the caller's span, and metrics. Never throws.
 * Spans and metrics contain no text of the prompt, the answer or a tool. Metrics contain no ids.
 */
export class TurnTelemetry implements TurnHooks {
  readonly #telemetry: Telemetry
  readonly #record: TurnRecord
  readonly #now: () => number
  readonly #startedAt: number
  /** Agent of the turn when it began, so that each increment of a metric meets its decrement. */
  readonly #agent: AgentName | undefined
  /** Attributes of every metric. */
  readonly #attributes: Attributes
  readonly #span: Span | undefined
  #hasRun = false
  #phase: 'waiting' | 'running' | undefined
  #endPhase: (() => void) | undefined

  constructor(telemetry: Telemetry, record: TurnRecord, now: () => number) {
    this.#telemetry = telemetry
    this.#record = record
    this.#now = now
    this.#startedAt = now()
    this.#agent = telemetry.agent()
    const model = attributesOf(modelOf(record.plan.model, telemetry.options.values))
    this.#attributes = { ...model, ...metricLabels(this.#agent) }
    this.#span = ignoreErrors(() => this.#startSpan())
  }

  onState(state: TurnState): void {
    const phase = state.state === 'queued' || state.state === 'waitingForServer' ? 'waiting' : 'running'
    if (phase !== this.#phase) {
      if (phase === 'running') this.#recordWait()
      this.#phase = phase
      this.#endPhase?.()
      const attributes = { 'opencode_runtime.turn.state': phase, ...metricLabels(this.#agent) }
      this.#endPhase = this.#telemetry.meters.increment('activeTurns', attributes)
    }
    ignoreErrors(() => this.#span?.addEvent(...eventOf(state)))
  }

  onFirstDelta(): void {
    this.#telemetry.meters.write('timeToFirstDelta', this.#seconds(), this.#attributes)
    ignoreErrors(() => this.#span?.addEvent('opencode_runtime.turn.first_delta'))
  }

  onEnd(reply: TerminalReply): void {
    this.#endPhase?.()
    this.#measure(reply)
    ignoreErrors(() => this.#describe(reply))
    ignoreErrors(() => this.#span?.end())
  }

  /** Records the wait of a fleet's turn when the turn runs for the first time. */
  #recordWait(): void {
    if (this.#hasRun || !this.#agent) return
    this.#hasRun = true
    this.#telemetry.meters.write('wait', this.#seconds(), metricLabels(this.#agent))
  }

  #seconds(): number {
    return (this.#now() - this.#startedAt) / 1000
  }

  #startSpan(): Span {
    const { api } = this.#telemetry
    const { id, plan, conversation } = this.#record
    const agent = plan.agent ?? conversation.agent
    const attributes: Attributes = {
      ...this.#attributes,
      ...spanLabels(this.#agent),
      'opencode_runtime.turn.id': id,
      ...(agent !== undefined && { 'gen_ai.agent.name': agent }),
      ...(plan.traceId !== null && { 'opencode_runtime.trace_id': plan.traceId }),
    }
    const name = agent === undefined ? operation : `${operation} ${agent}`
    // CLIENT, because the agent runs in another process, behind HTTP.
    const options = { kind: api.SpanKind.CLIENT, attributes }
    return api.trace.getTracer(scope.name, scope.version).startSpan(name, options)
  }

  #measure(reply: TerminalReply): void {
    const { meters } = this.#telemetry
    const { usage } = this.#record
    const outcome = reply.kind === 'final' ? 'final' : reply.code
    meters.write('turns', 1, { ...this.#attributes, 'opencode_runtime.outcome': outcome })
    meters.write('duration', this.#seconds(), { ...this.#attributes, ...errorOf(reply) })
    if (usage.cost_usd > 0) meters.write('cost', usage.cost_usd, this.#attributes)
    const { input, output } = tokensOf(usage)
    // A turn that never reached a model used no tokens.
    if (input + output === 0) return
    meters.write('tokens', input, { ...this.#attributes, 'gen_ai.token.type': 'input' })
    meters.write('tokens', output, { ...this.#attributes, 'gen_ai.token.type': 'output' })
  }

  #describe(reply: TerminalReply): void {
    const { api, options } = this.#telemetry
    const { usage, conversation } = this.#record
    const { input, output } = tokensOf(usage)
    this.#span?.setAttributes({
      ...(conversation.sessionId !== undefined && { 'gen_ai.conversation.id': conversation.sessionId }),
      'gen_ai.usage.input_tokens': input,
      'gen_ai.usage.output_tokens': output,
      'gen_ai.usage.cache_read.input_tokens': usage.cache_read_tokens,
      'gen_ai.usage.cache_creation.input_tokens': usage.cache_write_tokens,
      'opencode_runtime.turn.cost': usage.cost_usd,
      ...errorOf(reply),
    })
    if (reply.kind === 'final' && reply.finish_reason !== null)
      this.#span?.setAttribute('gen_ai.response.finish_reasons', [reply.finish_reason])
    // A cancelled turn is not a failure.
    if (reply.kind === 'error' && reply.code !== 'cancelled')
      this.#span?.setStatus({ code: api.SpanStatusCode.ERROR, message: options.secrets.mask(reply.error) })
  }
}

/** Name of an agent's turn in the GenAI conventions. */
const operation = 'invoke_agent'

/** Returns the attributes of a turn's model. A turn that was rejected for its input has no model. */
function attributesOf({ providerId, modelId }: ModelRef): Attributes {
  return {
    'gen_ai.operation.name': operation,
    'gen_ai.provider.name': providerId,
    ...(modelId !== '' && { 'gen_ai.request.model': modelId }),
  }
}

const errorOf = (reply: TerminalReply): Attributes =>
  reply.kind === 'error' ? { 'error.type': reply.code } : {}

/**
 * Returns input and output tokens as the GenAI conventions count them: cached tokens as input, reasoning as
 * output.
 *
 * @remarks Observed in opencode: cached tokens and reasoning are counted separately.
 */
function tokensOf(usage: Usage): { input: number; output: number } {
  return {
    input: usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens,
    output: usage.output_tokens + usage.reasoning_tokens,
  }
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** Returns the span event for a change of the turn's status. The message of a retry is masked. */
function eventOf(state: TurnState): [name: string, attributes?: Attributes] {
  const name = `opencode_runtime.turn.${snake(state.state)}`
  if (state.state !== 'retrying') return [name]
  const { attempt, message, nextAt } = state
  const attributes = {
    'opencode_runtime.retry.attempt': attempt,
    'opencode_runtime.retry.delay': Math.max(0, nextAt - Date.now()) / 1000,
    'opencode_runtime.retry.message': safeLine(message),
  }
  return [name, attributes]
}
