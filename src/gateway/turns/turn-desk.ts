import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AgentFacts } from '../../api/fleet/agent-facts.ts'
import type { FleetEvent } from '../../api/fleet/types.ts'
import type { Turn } from '../../api/turn-handle.ts'
import type { TurnInput } from '../../api/turn-input.ts'
import type { ErrorReply } from '../../replies.ts'
import { deferred } from '../../util/deferred.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { messageOf } from '../../util/messages.ts'
import type { Caller } from '../access/caller.ts'
import type { GatewayContext } from '../context.ts'
import { draining, refusedByFleet, refusedByLog } from '../http/refusals.ts'
import { inputOf, modelName, type TurnBody } from '../schemas/turn-body.ts'
import { endedAtOnce, LiveTurn } from './live-turn.ts'
import { hashOfBody, turnIdOfKey } from './turn-id.ts'
import { TurnLogError, type LoggedTurn, type NewTurn } from './turn-log.ts'

/** Request for a turn that has passed all checks. */
export interface TurnRequest {
  agent: AgentFacts
  caller: Caller
  body: TurnBody
  /** Directory of the turn, without links; the agent's directory if absent. */
  directory?: string | undefined
  /** Idempotency-Key of the request. */
  key: string | undefined
  /** Value that another request with the key must have, too; the body if absent. */
  keyed?: unknown
  /** Runs the turn on the fleet; in the session of the body, or a new one, if absent. */
  run?: Run | undefined
}

/** Runs a turn on the fleet. */
export type Run = (input: TurnInput & { turnId: string }) => Promise<Turn>

/** Parts of a gateway that the turns need. */
export type DeskContext = Pick<GatewayContext, 'fleet' | 'log' | 'options' | 'state'>

/** Starts and owns the turns of a gateway. */
export class TurnDesk {
  readonly #context: DeskContext
  readonly #opened: Promise<unknown>
  readonly #live = new Map<string, LiveTurn>()
  /** Promises of the requests that are starting a turn, by the id of the turn. They never reject. */
  readonly #starting = new Map<string, Promise<unknown>>()

  /** @param opened - settles when the gateway has opened: new turns wait for it */
  constructor(context: DeskContext, opened: Promise<unknown>) {
    this.#context = context
    this.#opened = opened
    context.fleet.events$.subscribe((event) => this.#onEvent(event))
  }

  /** Returns a turn of this gateway that has not ended. */
  live(turnId: string): LiveTurn | undefined {
    return this.#live.get(turnId)
  }

  /**
   * Starts a turn, or returns the turn that an earlier request with the same key has started.
   *
   * @throws ProblemError 429, 503 or 507 for a turn that is refused at once, 422 for a key of another body, 400 for an
   * input that the agent cannot take
   */
  async start(request: TurnRequest): Promise<LoggedTurn> {
    await this.#opened
    const { agent, caller, key } = request
    const owner = { tokenId: caller.tokenId, agentId: agent.id }
    const turnId = key === undefined ? randomUUID() : turnIdOfKey(owner, key)
    while (this.#starting.has(turnId)) await this.#starting.get(turnId)
    const starting = deferred<undefined>()
    this.#starting.set(turnId, starting.promise)
    try {
      return await this.#start(turnId, request)
    } catch (error) {
      throw error instanceof TurnLogError ? refusedByLog(error) : error
    } finally {
      this.#starting.delete(turnId)
      starting.resolve(undefined)
    }
  }

  async #start(turnId: string, request: TurnRequest): Promise<LoggedTurn> {
    const { agent, caller, body, directory, key, keyed = body } = request
    const { log, fleet } = this.#context
    const run: Run = request.run ?? ((of) => Promise.resolve(fleet.turn(agent.id, of)))
    if (this.#isDraining && !(await log.get(turnId))) throw draining()
    const input = { ...inputOf(body), ...(directory !== undefined && { directory }) }
    const { turn, isNew } = await log.create({
      turnId,
      agentId: agent.id,
      tenant: agent.tenant,
      tokenId: caller.tokenId,
      traceId: input.traceId ?? null,
      model: modelName(body) ?? agent.model ?? null,
      sessionId: input.sessionId ?? null,
      bodyHash: key === undefined ? null : hashOfBody(keyed),
      resume: resumeOf(body, input),
    })
    if (!isNew) return turn
    const handle = this.#isDraining ? undefined : await this.#run(run, { ...input, turnId })
    const end = handle && (await endedAtOnce(handle))
    const refusal = end?.kind === 'error' ? refusedByFleet(end) : undefined
    if (!handle || refusal) await log.forget(turnId)
    if (!handle) throw draining()
    if (refusal) throw refusal
    this.#own(turn, handle)
    return turn
  }

  /** Runs a turn. A turn that could not even begin leaves no entry in the log. */
  async #run(run: Run, input: TurnInput & { turnId: string }): Promise<Turn> {
    try {
      return await run(input)
    } catch (error) {
      await this.#context.log.forget(input.turnId)
      throw error
    }
  }

  /**
   * Continues a turn that an earlier process has left without an end.
   *
   * @param prepare - returns the input of the turn, or its terminal reply
   */
  async resume(turn: LoggedTurn, prepare: () => Promise<TurnInput | ErrorReply>): Promise<void> {
    const { turnId, agentId, usage } = turn
    const starting = deferred<undefined>()
    this.#starting.set(turnId, starting.promise)
    const next = await prepare()
    if ('kind' in next) {
      const writer = this.#context.log.writer(turnId)
      writer.push(next, usage)
      await writer.flushed().catch((error: unknown) => this.#onFault(turnId, error))
    } else this.#own(turn, this.#context.fleet.turn(agentId, { ...next, turnId }))
    this.#starting.delete(turnId)
    starting.resolve(undefined)
  }

  /** Resolves when no request is starting a turn. */
  async started(turnId: string): Promise<void> {
    await this.#starting.get(turnId)
  }

  #own({ turnId, usage }: LoggedTurn, handle: Turn): void {
    const writer = this.#context.log.writer(turnId)
    const turn = new LiveTurn(handle, writer, usage, (error) => this.#onFault(turnId, error))
    this.#live.set(turnId, turn)
    void turn.ended.then(() => this.#live.delete(turnId))
  }

  #onFault(turnId: string, error: unknown): void {
    const { logger } = this.#context.options
    ignoreErrors(() =>
      logger?.error({ turnId, error: messageOf(error) }, 'The end of a turn could not be stored'),
    )
  }

  /** Waits until all turns have ended; cancels those that have not ended within a time in ms. */
  async drain(drainMs: number): Promise<void> {
    const isOver = new AbortController()
    const ended = this.#whenEmpty().finally(() => isOver.abort())
    await pause(drainMs, isOver.signal)
    while (!isOver.signal.aborted) {
      for (const turn of this.#live.values()) turn.cancel()
      await Promise.race([ended, pause(cancelIntervalMs, isOver.signal)])
    }
  }

  async #whenEmpty(): Promise<void> {
    while (this.#live.size + this.#starting.size > 0)
      await Promise.all([...this.#starting.values(), ...[...this.#live.values()].map(({ ended }) => ended)])
  }

  get #isDraining(): boolean {
    const { phase } = this.#context.state
    return phase === 'draining' || phase === 'closed'
  }

  #onEvent(event: FleetEvent): void {
    if (event.type === 'request.opened')
      this.#live.get(event.turnId)?.news.next({ type: 'request', pending: event.pending })
    if (event.type !== 'request.closed') return
    const { turnId, requestId, by } = event
    this.#live.get(turnId)?.news.next({ type: 'request_closed', requestId, by })
  }
}

/** Interval at which a drain cancels turns that a late request has started, in ms. */
const cancelIntervalMs = 100

/** Returns what is kept of a turn that goes on after a crash of the gateway. */
function resumeOf(body: TurnBody, input: TurnInput): NewTurn['resume'] {
  return body.resume === true && body.on_disconnect !== 'cancel' ? JSON.stringify(input) : null
}

/** Resolves after a time, or as soon as the signal aborts. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined)
