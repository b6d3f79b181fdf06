import type { PostedCall } from '../../io/opencode/host-endpoint.ts'
import { hostToolKey } from '../../io/opencode/host-tool-name.ts'
import { parseRequest, toolPartOf, type WirePart } from '../../io/opencode/wire.ts'
import type { OpenCodeEvent } from '../../replies.ts'

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

/** Tool part of a host tool that the event stream shows as running. */
export interface RunningPart {
  readonly turn: CallingTurn
  /** Id of the call as the turn's replies have it. */
  readonly callId: string
  /** Ends the call, once the part's call was accepted. */
  controller: AbortController | undefined
}

/** Turn that is followed, and its parts that have ended. A snapshot may show such a part as running. */
interface Followed {
  turn: CallingTurn
  ended: Set<string>
}

/** Permission request for a call that is not answered yet. */
interface OpenRequest {
  turn: CallingTurn
  place: string
}

/** Tool parts of host tools that run, as the event stream shows them, and the permission requests for calls. */
export class RunningParts {
  readonly #keys: ReadonlySet<string>
  readonly #onChange: (place: string) => void
  /** Running parts by place and tool, and by part id within. */
  readonly #running = new Map<string, Map<string, RunningPart>>()
  readonly #requests = new Map<string, OpenRequest>()

  /**
   * @param keys - keys of the host tools
   * @param onChange - called when a call at a place may be claimed from now on
   */
  constructor(keys: ReadonlySet<string>, onChange: (place: string) => void) {
    this.#keys = keys
    this.#onChange = onChange
  }

  /** Returns the receiver of a turn's events. */
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

  /**
   * Claims the running part of a call for good, and returns the part; `undefined` if no part is free, or a
   * permission request for the call is open.
   */
  claim(call: PostedCall, controller: AbortController): RunningPart | undefined {
    const place = placeOf(call)
    if ([...this.#requests.values()].some((request) => request.place === place)) return undefined
    const parts = [...(this.#running.get(`${place} ${call.tool}`)?.values() ?? [])]
    const part = parts.find((each) => each.controller === undefined)
    if (part) part.controller = controller
    return part
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
    const place = placeOf({ sessionId, messageId, callId: tool.callId })
    const at = `${place} ${key}`
    if (tool.status !== 'running') {
      ended.add(id)
      return this.#end(at, id)
    }
    const parts = this.#running.get(at) ?? new Map<string, RunningPart>()
    if (parts.has(id) || ended.has(id)) return
    parts.set(id, { turn, callId: turn.callIdOf(part, sessionId), controller: undefined })
    this.#running.set(at, parts)
    this.#onChange(place)
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
    const { messageID: messageId } = Object(properties['tool']) as { messageID?: unknown }
    if (!request?.tool || typeof messageId !== 'string') return
    const { sessionId, tool } = request
    this.#requests.set(request.id, { turn, place: placeOf({ sessionId, messageId, callId: tool.callId }) })
  }

  #closeRequest(id: unknown): void {
    const request = typeof id === 'string' ? this.#requests.get(id) : undefined
    if (!request) return
    this.#requests.delete(id as string)
    this.#onChange(request.place)
  }
}

/** Returns the place of a call: its session, its message, and its id at the provider. */
export const placeOf = ({
  sessionId,
  messageId,
  callId,
}: Pick<PostedCall, 'sessionId' | 'messageId' | 'callId'>): string => `${sessionId} ${messageId} ${callId}`

/** Returns the reason of a call that ends before its function has returned. */
export const endedCall = (): DOMException => new DOMException('The call was ended', 'AbortError')
