import type { Reply, TerminalReply, ToolCallReply, ToolResultReply } from '../../replies.ts'
import type { LoggedTurn } from '../turns/turn-log.ts'
import { completionId } from './chunks.ts'
import { endingOf } from './ending.ts'
import type { ChatCompletion } from './schemas/answer.ts'
import { chatUsage } from './usage.ts'

/** Collects the replies of a turn for an answer as a whole. */
export class WholeAnswer {
  #reasoning = ''
  readonly #calls: ToolCallReply[] = []
  readonly #results = new Map<string, ToolResultReply>()

  /** Takes a reply. */
  add(reply: Reply): void {
    if (reply.kind === 'reasoning') this.#reasoning += reply.content
    if (reply.kind === 'tool_call') this.#calls.push(reply)
    if (reply.kind === 'tool_result') this.#results.set(reply.call_id, reply)
  }

  /**
   * Returns the answer.
   *
   * @param reply - terminal reply of the turn
   * @param turn - the turn after its end
   * @throws ProblemError for a turn that failed
   */
  of(reply: TerminalReply, turn: LoggedTurn): ChatCompletion {
    const { usage, turnId, sessionId, agentId, createdAt } = turn
    const { text, finish } = endingOf(reply, this.#calls.length > 0)
    const reasoning = this.#reasoning
    const message = {
      role: 'assistant',
      content: text,
      refusal: null,
      ...(reasoning !== '' && { reasoning_content: reasoning }),
    } as const
    return {
      id: completionId(turnId),
      object: 'chat.completion',
      created: Math.floor(createdAt / 1000),
      model: agentId,
      choices: [{ index: 0, message, logprobs: null, finish_reason: finish }],
      usage: chatUsage(usage),
      x_opencode: {
        turn_id: turnId,
        session_id: sessionId,
        cost_usd: usage.cost_usd,
        tools: this.#calls.map((call) => this.#called(call)),
      },
    }
  }

  #called({ call_id, tool, args }: ToolCallReply): ChatCompletion['x_opencode']['tools'][number] {
    const { result = null, success = null } = this.#results.get(call_id) ?? {}
    return { call_id, tool, args, result, success }
  }
}
