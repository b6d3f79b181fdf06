import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AgentFacts } from '../../api/fleet/agent-facts.ts'
import type { Turn } from '../../api/turn-handle.ts'
import type { TurnInput } from '../../api/turn-input.ts'
import { noUsage, type ErrorReply } from '../../replies.ts'
import { deferred } from '../../util/deferred.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { messageOf } from '../../util/messages.ts'
import type { Caller } from '../access/caller.ts'
import type { GatewayContext } from '../context.ts'
import { draining, refusedByFleet, refusedByLog } from '../http/refusals.ts'
import { inputOf, modelName, type TurnBody } from '../schemas/turn-body.ts'
import { JoinedTurns, type JoinedTurn } from './joined-turns.ts'
import { endedAtOnce, LiveTurn } from './live-turn.ts'
import { hashOfBody, turnIdOfKey } from './turn-id.ts'
import { TurnLogError, type LoggedTurn, type NewTurn } from './turn-log.ts'
import type { KeptInput, NamedInput } from './turn-source.ts'

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
  /** Runs the turn; in the session of the body, or a new one, if absent. */
  run?: Run | undefined
  /** Fields that `run` adds to the input in a cluster: kept with the input, so that the same turn is sent again after a crash. */
  sent?: SentWith | undefined
}

/** Fields of a turn of a cluster beside the input of its body. */
export type SentWith = Pick<KeptInput, 'sessionId' | 'fields'>

/** Runs a turn. */
export type Run = (input: NamedInput) => Promise<Turn>

/** Parts of a gateway that the turns need. */
export type DeskContext = Pick<GatewayContext, 'turns' | 'log' | 'options' | 'state'>

/** Starts and owns the turns of a gateway. */
export class TurnDesk {
  readonly #context: DeskContext
  readonly #opened: Promise<unknown>
  readonly #live = new Map<string, LiveTurn>()
  readonly #joined: JoinedTurns
  /** Promises of the requests that are starting a turn, by the id of the turn. They never reject. */
  readonly #starting = new Map<string, Promise<unknown>>()

  /** @param opened - settles when the gateway has opened: new turns wait for it */
  constructor(context: DeskContext, opened: Promise<unknown>) {
    this.#context = context
    this.#opened = opened
    this.#joined = new JoinedTurns(context.turns)
    context.turns.news$.subscribe(({ turnId, news }) => {
      const turn = this.#live.get(turnId) ?? this.#joined.get(turnId)
      turn?.news.next(news)
    })
  }

  /**
   * Returns a turn that runs, for a caller who reads it, waits for its end, or cancels it. The caller calls `leave` when it
   * is done.
   */
  async join(turn: LoggedTurn): Promise<JoinedTurn> {
    await this.started(turn.turnId)
    const live = this.#live.get(turn.turnId)
    return live ? { live, leave: () => undefined } : this.#joined.join(turn)
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
    const { log, turns } = this.#context
    const run: Run = request.run ?? ((of) => turns.run(agent.id, of))
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
      resume: turns.outlives ? JSON.stringify({ ...input, ...request.sent }) : resumeOf(body, input),
      deadlineMs: input.deadlineMs ?? null,
    })
    if (!isNew) {
      if (!this.#live.has(turnId) && (await turns.isLost(turn))) await run({ ...input, turnId })
      return turn
    }
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
  async #run(run: Run, input: NamedInput): Promise<Turn> {
    try {
      return await run(input)
    } catch (error) {
      await this.#context.log.forget(input.turnId)
      throw error
    }
  }

  /**
   * Continues a turn that an earlier process has left without an end. The next start finds a turn that could not be
   * continued, because the gateway closes.
   *
   * @param prepare - returns the turn, or its terminal reply
   */
  async resume(turn: LoggedTurn, prepare: () => Promise<Turn | ErrorReply>): Promise<void> {
    const { turnId } = turn
    const starting = deferred<undefined>()
    this.#starting.set(turnId, starting.promise)
    try {
      const next = await prepare()
      if ('kind' in next) {
        const writer = this.#context.log.writer(turnId)
        writer.push(next, turn.usage)
        await writer.flushed()
      } else this.#own(turn, next)
    } catch (error) {
      this.#onFault(turnId, error)
    } finally {
      this.#starting.delete(turnId)
      starting.resolve(undefined)
    }
  }

  /** Resolves when no request is starting a turn. */
  async started(turnId: string): Promise<void> {
    await this.#starting.get(turnId)
  }

  #own({ turnId, usage }: LoggedTurn, handle: Turn): void {
    const { log, turns } = this.#context
    // A turn that outlives its process counts its own usage.
    const before = turns.outlives ? noUsage() : usage
    const turn = new LiveTurn(handle, log.writer(turnId), before, (error) => this.#onFault(turnId, error))
    this.#live.set(turnId, turn)
    void turn.ended.then(() => this.#live.delete(turnId))
  }

  #onFault(turnId: string, error: unknown): void {
    const { logger } = this.#context.options
    ignoreErrors(() =>
      logger?.error({ turnId, error: messageOf(error) }, 'The end of a turn could not be stored'),
    )
  }

  /**
   * Waits until all turns have ended, for a time in ms. Turns that have not ended then are cancelled, unless they go on
   * without this process: then a further call may end the wait of the one before.
   */
  async drain(drainMs: number): Promise<void> {
    const isOver = new AbortController()
    const ended = this.#whenEmpty().finally(() => isOver.abort())
    await pause(drainMs, isOver.signal)
    if (this.#context.turns.outlives) {
      this.#detachAll()
      return
    }
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

  #detachAll(): void {
    for (const turn of this.#live.values()) turn.detach()
    this.#live.clear()
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
