import type { CompiledOptions } from '../../config/compiled-options.ts'
import type { AnsweredCall, HostAnswer, PostedCall } from '../../io/opencode/host-endpoint.ts'
import { hostToolKey } from '../../io/opencode/host-tool-name.ts'
import { parseRequest, toolPartOf, type WirePart } from '../../io/opencode/wire.ts'
import type { OpenCodeEvent } from '../../replies.ts'
import { elapse, type SystemClock } from '../clock.ts'
import { runHostTool } from './run-host-tool.ts'

/** Turn whose agent may call host tools. */
export interface CallingTurn {
  readonly id: string
  readonly traceId: string | null
  readonly context: unknown
  /** Session of the turn. A call may come from a child session. */
  readonly sessionId: string
  /** Returns whether the turn hides a tool, also from its subagents. */
  isHidden(key: string): boolean
  /** Returns the id of a call as the turn's replies have it. */
  callIdOf(part: WirePart, sessionId: string): string
}

/** Calls of one turn. */
export interface TurnCalls {
  /** Applies an event of the turn's session or of a child session. */
  onEvent: (event: OpenCodeEvent) => void
  /** Forgets permission requests that the server no longer has, after missed events. */
  onRequests: (openIds: ReadonlySet<string>) => void
  /** Ends all calls of the turn. */
  end: () => void
}

/** Turn that is followed, and its parts that have ended. A snapshot may show such a part as running. */
interface Followed {
  turn: CallingTurn
  ended: Set<string>
}

/** Tool part that the event stream shows as running. */
interface RunningPart {
  turn: CallingTurn
  callId: string
  /** Ends the call, once the part's call was accepted. */
  controller: AbortController | undefined
}

/** Permission request for a call that is not answered yet. */
interface OpenRequest {
  turn: CallingTurn
  place: string
}

/**
 * Time that a posted call waits for the event that shows it running, in ms. The event and the call come on
 * two connections, so that the call may come first.
 */
const evidenceMs = 15_000
/** Maximum number of posted calls that wait for their event; a further call is refused. */
const maxWaiting = 1_000

const refusal = 'The host refused the call, because no running tool call of a turn belongs to it'

/**
 * Calls of the host tools on one spawn. A posted call is accepted once, and only if the server's event stream
 * shows its tool part running in a session of a turn, with no permission request open. The session leads to
 * the turn, so that no turn gets the context of another.
 */
export class HostCalls {
  readonly #options: CompiledOptions
  readonly #clock: SystemClock
  readonly #warn: (message: string) => void
  readonly #keys: ReadonlySet<string>
  /** Running parts by their place, and by part id within the place. */
  readonly #running = new Map<string, Map<string, RunningPart>>()
  readonly #requests = new Map<string, OpenRequest>()
  /** Posted calls that wait for their event, by place. */
  readonly #waiting = new Map<AbortController, string>()

  constructor(options: CompiledOptions, clock: SystemClock, warn: (message: string) => void) {
    this.#options = options
    this.#clock = clock
    this.#warn = warn
    this.#keys = new Set(Object.keys(options.values.hostTools))
  }

  /** Returns the calls of a turn, which its events decide from now on. */
  follow(turn: CallingTurn): TurnCalls {
    const followed = { turn, ended: new Set<string>() }
    return {
      onEvent: (event) => this.#onEvent(event, followed),
      onRequests: (openIds) => {
        for (const [id, request] of this.#requests)
          if (request.turn === turn && !openIds.has(id)) this.#closeRequest(id)
      },
      end: () => this.#endTurn(turn),
    }
  }

  /** Answers a call that the plugin posted. */
  readonly answer = (posted: PostedCall, progress: (title: string) => void): AnsweredCall => {
    const controller = new AbortController()
    return {
      answer: this.#answer(posted, progress, controller),
      abort: () => controller.abort(endedCall()),
    }
  }

  async #answer(
    posted: PostedCall,
    progress: (title: string) => void,
    controller: AbortController,
  ): Promise<HostAnswer> {
    const part = this.#claim(posted, controller) ?? (await this.#claimLater(posted, controller))
    const tool = this.#options.values.hostTools[posted.tool]
    if (!part || !tool) {
      if (!controller.signal.aborted) this.#warn(`host tools: ${refusal}`)
      return { error: refusal }
    }
    const { tool: key, args } = posted
    const { turn, callId } = part
    if (turn.isHidden(key)) return { error: `The tool ${key} is not available in this turn` }
    const { id: turnId, traceId, context, sessionId } = turn
    const call = { signal: controller.signal, context, turnId, traceId, sessionId, callId, progress }
    const mask = (text: string): string => this.#options.secrets.mask(text)
    return runHostTool({ key, tool, args, call, controller, clock: this.#clock, mask })
  }

  /** Accepts a call whose part is running, and returns the part; `undefined` if there is none. */
  #claim(posted: PostedCall, controller: AbortController): RunningPart | undefined {
    const { sessionId, messageId, callId, tool } = posted
    const place = placeOf(sessionId, messageId, callId)
    if ([...this.#requests.values()].some((request) => request.place === place)) return undefined
    const parts = [...(this.#running.get(`${place} ${tool}`)?.values() ?? [])]
    const part = parts.find((each) => each.controller === undefined)
    if (part) part.controller = controller
    return part
  }

  /** Waits for the event that shows the part of a call running, and accepts the call then. */
  async #claimLater(posted: PostedCall, controller: AbortController): Promise<RunningPart | undefined> {
    const { sessionId, messageId, callId } = posted
    const until = this.#clock.now() + evidenceMs
    for (
      let left = evidenceMs;
      left > 0 && this.#waiting.size < maxWaiting;
      left = until - this.#clock.now()
    ) {
      const wake = new AbortController()
      this.#waiting.set(wake, placeOf(sessionId, messageId, callId))
      await elapse(this.#clock, left, AbortSignal.any([wake.signal, controller.signal]))
      this.#waiting.delete(wake)
      if (controller.signal.aborted) return undefined
      const part = this.#claim(posted, controller)
      if (part) return part
    }
    return undefined
  }

  #onEvent(event: OpenCodeEvent, followed: Followed): void {
    const reported = toolPartOf(event)
    if (reported) this.#onPart(reported.part, reported.sessionId, followed)
    else if (event.type === 'permission.asked') this.#onAsked(event, followed.turn)
    else if (event.type === 'permission.replied') this.#closeRequest(event.properties['requestID'])
  }

  #onPart(part: WirePart, sessionId: string, { turn, ended }: Followed): void {
    const { id, messageId, tool } = part
    const key = tool && hostToolKey(tool.name, this.#keys)
    if (!tool || key === undefined || tool.status === 'pending') return
    const place = placeOf(sessionId, messageId, tool.callId)
    const at = `${place} ${key}`
    if (tool.status !== 'running') {
      ended.add(id)
      return this.#end(at, id)
    }
    const parts = this.#running.get(at) ?? new Map<string, RunningPart>()
    if (parts.has(id) || ended.has(id)) return
    parts.set(id, { turn, callId: turn.callIdOf(part, sessionId), controller: undefined })
    this.#running.set(at, parts)
    this.#wake(place)
  }

  /** Ends the call of a part that is no longer running. */
  #end(at: string, partId: string): void {
    const parts = this.#running.get(at)
    parts?.get(partId)?.controller?.abort(endedCall())
    parts?.delete(partId)
    if (parts?.size === 0) this.#running.delete(at)
  }

  #endTurn(turn: CallingTurn): void {
    for (const [at, parts] of this.#running)
      for (const [partId, part] of parts) if (part.turn === turn) this.#end(at, partId)
    for (const [id, request] of this.#requests) if (request.turn === turn) this.#requests.delete(id)
  }

  #onAsked({ properties }: OpenCodeEvent, turn: CallingTurn): void {
    const request = parseRequest(properties, turn.sessionId)
    const { messageID } = Object(properties['tool']) as { messageID?: unknown }
    if (!request?.tool || typeof messageID !== 'string') return
    const place = placeOf(request.sessionId, messageID, request.tool.callId)
    this.#requests.set(request.id, { turn, place })
  }

  #closeRequest(id: unknown): void {
    const request = typeof id === 'string' ? this.#requests.get(id) : undefined
    if (!request) return
    this.#requests.delete(id as string)
    this.#wake(request.place)
  }

  #wake(place: string): void {
    for (const [wake, waiting] of this.#waiting) if (waiting === place) wake.abort()
  }
}

const placeOf = (sessionId: string, messageId: string, callId: string): string =>
  `${sessionId} ${messageId} ${callId}`

const endedCall = (): DOMException => new DOMException('The call was ended', 'AbortError')
