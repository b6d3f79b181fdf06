import type { ToolCallReply, ToolResultReply } from '../replies.ts'
import type { WireTool } from './wire.ts'

/** What a tool call says, but for the turn's trace. */
export type ToolReply = Omit<ToolCallReply, 'trace_id'> | Omit<ToolResultReply, 'trace_id'>

/** The tool calls of a turn: each is told once, and its result at most once, after it. */
export class ToolCalls {
  readonly #calls = new Map<string, 'called' | 'ended'>()

  /** Takes a call as it is now. It is told once its input is known: at its end at the latest. */
  take({ name: tool, callId: call_id, status, input, result }: WireTool): ToolReply[] {
    const state = this.#calls.get(call_id)
    const isRunning = status === 'running'
    if (status === 'pending' || state === 'ended' || (isRunning && !input)) return []
    this.#calls.set(call_id, isRunning ? 'called' : 'ended')
    const replies: ToolReply[] = []
    if (!state) replies.push({ kind: 'tool_call', call_id, tool, args: input ?? {} })
    if (!isRunning)
      replies.push({ kind: 'tool_result', call_id, tool, result, success: status === 'completed' })
    return replies
  }
}
