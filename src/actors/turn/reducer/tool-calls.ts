import type { ToolCallReply, ToolResultReply } from '../../../replies.ts'
import type { WireTool } from '../../../io/opencode/wire.ts'

/** Tool calls of a turn: each call is emitted once, followed by at most one result. */
export class ToolCalls {
  readonly #traceId: string | null
  readonly #emit: (reply: ToolCallReply | ToolResultReply) => void
  readonly #calls = new Map<string, 'called' | 'ended'>()

  constructor(traceId: string | null, emit: (reply: ToolCallReply | ToolResultReply) => void) {
    this.#traceId = traceId
    this.#emit = emit
  }

  /**
   * Applies a call's present state. The call is emitted when its input is known, at the latest when the call
   * ends.
   */
  update({ name: tool, callId: call_id, status, input, result }: WireTool): void {
    const state = this.#calls.get(call_id)
    const isRunning = status === 'running'
    if (status === 'pending' || state === 'ended' || (isRunning && !input)) return
    this.#calls.set(call_id, isRunning ? 'called' : 'ended')
    const call = { trace_id: this.#traceId, call_id, tool }
    if (!state) this.#emit({ kind: 'tool_call', ...call, args: input ?? {} })
    if (!isRunning) this.#emit({ kind: 'tool_result', ...call, result, success: status === 'completed' })
  }
}
