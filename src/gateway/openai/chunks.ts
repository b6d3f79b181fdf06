import type { Reply, TerminalReply } from '../../replies.ts'
import type { LoggedTurn } from '../turns/turn-log.ts'
import type { ChatChunk } from './schemas/answer.ts'
import { endingOf } from './ending.ts'
import { chatUsage } from './usage.ts'

type Delta = ChatChunk['choices'][number]['delta']
type Finish = ChatChunk['choices'][number]['finish_reason']

/** Frame after which a stream of OpenAI ends. */
export const doneFrame = 'data: [DONE]\n\n'

/** Returns the frame of an event without a name. */
export const frame = (data: object): string => `data: ${JSON.stringify(data)}\n\n`

/** Makes the frames of the answer to a request: those of its turn's replies. */
export class ChunkFrames {
  readonly #base: Omit<ChatChunk, 'choices'>
  readonly #withUsage: boolean
  readonly #turnId: string

  /**
   * @param turn - turn of the request
   * @param withUsage - true for the usage in a chunk of its own
   */
  constructor(turn: LoggedTurn, withUsage: boolean) {
    this.#turnId = turn.turnId
    this.#withUsage = withUsage
    this.#base = {
      id: completionId(turn.turnId),
      object: 'chat.completion.chunk',
      created: Math.floor(turn.createdAt / 1000),
      model: turn.agentId,
      ...(withUsage && { usage: null }),
    }
  }

  /** Returns the first frame, which names the role and the turn. */
  first(sessionId: string | null): string {
    return this.#chunk({ role: 'assistant', content: '' }, null, {
      x_opencode: { turn_id: this.#turnId, session_id: sessionId },
    })
  }

  /** Returns the frame of a reply that is not the last one. */
  of(reply: Reply): string {
    switch (reply.kind) {
      case 'delta':
        return this.#chunk({ content: reply.content })
      case 'reasoning':
        return this.#chunk({ reasoning_content: reply.content })
      case 'tool_call':
      case 'tool_result': {
        const { trace_id: _, ...x_opencode } = reply
        return this.#chunk({}, null, { x_opencode })
      }
      default:
        return ''
    }
  }

  /**
   * Returns the frames of the end of a turn.
   *
   * @param reply - terminal reply of the turn
   * @param turn - the turn after its end
   * @throws ProblemError for a turn that failed
   */
  last(reply: TerminalReply, turn: LoggedTurn): string {
    const { finish } = endingOf(reply, true)
    const usage = chatUsage(turn.usage)
    const x_opencode = {
      turn_id: turn.turnId,
      session_id: turn.sessionId,
      cost_usd: turn.usage.cost_usd,
    }
    if (!this.#withUsage) return this.#chunk({}, finish, { usage, x_opencode })
    return this.#chunk({}, finish) + frame({ ...this.#base, choices: [], usage, x_opencode })
  }

  #chunk(delta: Delta, finish: Finish = null, more: Partial<ChatChunk> = {}): string {
    const choice = { index: 0, delta, logprobs: null, finish_reason: finish }
    return frame({ ...this.#base, choices: [choice], ...more })
  }
}

/** Returns the id of the completion of a turn. */
export const completionId = (turnId: string): string => `chatcmpl-${turnId}`
