import type { ToolCallReply, ToolResultReply } from '../../../replies.ts'
import { hostToolKey } from '../../../io/opencode/host-tool-name.ts'
import type { WireTool } from '../../../io/opencode/wire.ts'

interface Call {
  /** Id of the call in replies, unique within the turn. */
  id: string
  state: 'pending' | 'called' | 'ended'
}

/**
 * Tool calls of a turn: each call is emitted once, followed by at most one result. A call is identified by
 * its part, because some providers give each step's call the same id (`call_0`), or an empty id.
 */
export class ToolCalls {
  readonly #traceId: string | null
  readonly #emit: (reply: ToolCallReply | ToolResultReply) => void
  readonly #keys: ReadonlySet<string>
  /** Calls by the id of their part. */
  readonly #calls = new Map<string, Call>()
  readonly #ids = new Set<string>()
  /** Unique id of the latest call with an id of the provider. */
  readonly #latest = new Map<string, string>()

  /** @param hostTools - keys of the host tools, by which the replies name them */
  constructor(
    traceId: string | null,
    emit: (reply: ToolCallReply | ToolResultReply) => void,
    hostTools: readonly string[] = [],
  ) {
    this.#traceId = traceId
    this.#emit = emit
    this.#keys = new Set(hostTools)
  }

  /**
   * Applies the present state of a part's call. The call is emitted when its input is known, at the latest
   * when the call ends.
   */
  update(partId: string, { name, callId, status, input, result }: WireTool): void {
    const known = this.#callOf(partId, callId)
    const { id: call_id, state } = known
    const isRunning = status === 'running'
    if (status === 'pending' || state === 'ended' || (isRunning && !input)) return
    known.state = isRunning ? 'called' : 'ended'
    const call = { trace_id: this.#traceId, call_id, tool: hostToolKey(name, this.#keys) ?? name }
    if (state === 'pending') this.#emit({ kind: 'tool_call', ...call, args: input ?? {} })
    if (!isRunning) this.#emit({ kind: 'tool_result', ...call, result, success: status === 'completed' })
  }

  /** Returns the unique id of the call of a part. */
  idOfPart(partId: string, callId: string): string {
    return this.#callOf(partId, callId).id
  }

  /** Returns the unique id of the latest call with an id of the provider. */
  idOf(callId: string): string {
    return this.#latest.get(callId) ?? callId
  }

  /**
   * Returns the call of a part. A new call gets its unique id even if it is pending, so that the ids follow
   * the order of the parts, in events as in a snapshot.
   */
  #callOf(partId: string, callId: string): Call {
    const known = this.#calls.get(partId)
    if (known) return known
    const call: Call = { id: this.#uniqueId(callId || partId), state: 'pending' }
    this.#calls.set(partId, call)
    this.#ids.add(call.id)
    this.#latest.set(callId, call.id)
    return call
  }

  /** Returns the id itself, or the id with the first free number (`call_0#2`). */
  #uniqueId(id: string): string {
    let unique = id
    for (let i = 2; this.#ids.has(unique); i++) unique = `${id}#${i}`
    return unique
  }
}
