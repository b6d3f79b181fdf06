import { structuredOutputTool } from '../io/opencode/structured-output.ts'
import { prompts } from './model-request.ts'
import type { ModelRequest } from './model-request.ts'

/** Tool call of the model. `args` is sent as JSON. A missing `id` is generated. */
export interface ScriptedToolCall {
  name: string
  args: Readonly<Record<string, unknown>>
  id?: string
}

/**
 * Token counts of a reply, as the provider bills them: cached tokens are part of the input, reasoning is part
 * of the output.
 */
export interface ScriptedUsage {
  /** @defaultValue `10` */
  inputTokens?: number
  /** @defaultValue `5` */
  outputTokens?: number
  cachedTokens?: number
  reasoningTokens?: number
}

/** Status 200 with an answer: reasoning, then text, then tool calls, then the finish reason and the usage. */
export interface StreamReply {
  /** Answer text. A string is one chunk; an array is streamed chunk by chunk. Empty strings are left out. */
  text?: string | readonly string[]
  /** Reasoning, like `text`, sent in `reasoning_content`. */
  reasoning?: string | readonly string[]
  /** Tool calls; several are parallel calls. Each takes two chunks: the name and the arguments. */
  toolCalls?: readonly ScriptedToolCall[]
  /**
   * Answer of a turn with `output`, sent as opencode wants it: as the last tool call, of `StructuredOutput`. To
   * test an answer that does not fit, send one; the next prompt of the turn then begins with `The answer does not
   * fit the schema`.
   */
  output?: Readonly<Record<string, unknown>>
  usage?: ScriptedUsage
  /** @defaultValue `tool_calls` with tool calls or `output`, otherwise `stop` */
  finishReason?: string
  /**
   * Pause between two chunks, in ms.
   *
   * @defaultValue `0`
   */
  chunkDelayMs?: number
  /**
   * Pause before the status line and the first chunk, in ms.
   *
   * @defaultValue `0`
   */
  firstChunkDelayMs?: number
  /**
   * Number of chunks after which the connection closes, with a delay of 250 ms: 0 before any answer,
   * `Infinity` just before the finish.
   * A client that is stalled for longer than the delay may see the end without the chunks.
   */
  cutAfter?: number
}

/**
 * Returns all tool calls of a reply, including the call that gives the answer of a turn with `output`.
 *
 * @internal
 */
export const callsOf = ({ toolCalls = [], output }: StreamReply): readonly ScriptedToolCall[] =>
  output ? [...toolCalls, { name: structuredOutputTool, args: output }] : toolCalls

/** HTTP error in OpenAI's shape. `headers` may carry a `Retry-After`; none is added automatically. */
export interface ErrorReply {
  error: {
    status: number
    message: string
    type?: string
    code?: string
    headers?: Readonly<Record<string, string>>
  }
}

/**
 * Request without an answer until the model stops or the client disconnects. `true` sends nothing;
 * `'headers'` sends a 200 and no chunk.
 */
export interface HangReply {
  hang: true | 'headers'
}

/** Reply of the model to one request. */
export type ScriptedReply = StreamReply | ErrorReply | HangReply

/** Rule of a script. The first rule that matches and is not used up answers the request. */
export interface ScriptedRule {
  /** Substring of the last user message, a pattern for that message, or a test of the whole request. */
  match: string | RegExp | ((request: ModelRequest) => boolean)
  /**
   * Reply for every request, one reply per step, or a function. An array restarts with each user message of
   * each session; a retry is also a step; the last reply repeats. A function may wait before it replies.
   */
  reply:
    | ScriptedReply
    | readonly ScriptedReply[]
    | ((request: ModelRequest) => ScriptedReply | Promise<ScriptedReply>)
  /**
   * Total number of requests that the rule answers.
   *
   * @defaultValue unlimited
   */
  times?: number
}

/**
 * Compiles a script to a function that returns the reply for each request and tracks the step of every turn.
 * The function never rejects.
 * If no rule matches, the reply is the text `no script for: …`. If the script's own code throws, the reply is
 * a 400 with the error, because opencode does not retry a 400.
 *
 * @internal
 */
export function compileScript(
  script: readonly ScriptedRule[],
): (request: ModelRequest) => Promise<ScriptedReply> {
  const rules = script.map((rule) => ({ rule, answered: 0, steps: new Map<string, number>() }))
  return async (request) => {
    try {
      const found = rules.find(
        ({ rule, answered }) => answered < (rule.times ?? Infinity) && matches(rule, request),
      )
      if (!found) return { text: `no script for: ${request.text}` }
      found.answered += 1
      return await pick(found.rule, request, found.steps)
    } catch (error) {
      return { error: { status: 400, message: `the script failed: ${String(error)}`, code: 'script_failed' } }
    }
  }
}

function matches({ match }: ScriptedRule, request: ModelRequest): boolean {
  if (typeof match === 'function') return match(request)
  if (typeof match === 'string') return request.text.includes(match)
  return request.text.search(match) >= 0
}

async function pick(
  { reply }: ScriptedRule,
  request: ModelRequest,
  steps: Map<string, number>,
): Promise<ScriptedReply> {
  if (typeof reply === 'function') return reply(request)
  const replies = [reply].flat()
  const turn = turnOf(request)
  const step = steps.get(turn) ?? 0
  steps.set(turn, step + 1)
  return replies[Math.min(step, replies.length - 1)] ?? {}
}

/**
 * Returns a key of the turn: session, number of prompts and text. A compaction lowers the number of prompts,
 * and a later turn may repeat a text, so neither alone is enough.
 */
function turnOf({ sessionID, messages, text }: ModelRequest): string {
  return `${sessionID}:${String(prompts(messages).length)}:${text}`
}
