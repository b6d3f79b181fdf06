import { prompts } from './model-request.ts'
import type { ModelRequest } from './model-request.ts'

/** A tool call the model makes; `args` is sent as JSON, `id` is made up when absent. */
export interface ScriptedToolCall {
  name: string
  args: Readonly<Record<string, unknown>>
  id?: string
}

/** Token counts of a reply, as the provider bills them: cached tokens are part of the input, reasoning of the output. */
export interface ScriptedUsage {
  /** Default: 10. */
  inputTokens?: number
  /** Default: 5. */
  outputTokens?: number
  cachedTokens?: number
  reasoningTokens?: number
}

/** A 200 with an answer: reasoning, then text, then tool calls, then the finish reason and the usage. */
export interface StreamReply {
  /** A string is one chunk; an array is streamed chunk by chunk as given. Empty strings are left out. */
  text?: string | readonly string[]
  /** As `text`, in `reasoning_content`. */
  reasoning?: string | readonly string[]
  /** Several are parallel calls; each takes two chunks, its name and its arguments. */
  toolCalls?: readonly ScriptedToolCall[]
  usage?: ScriptedUsage
  /** Default: `tool_calls` with tool calls, otherwise `stop`. */
  finishReason?: string
  /** Pause between two chunks, in ms. Default: 0. */
  chunkDelayMs?: number
  /** Pause before the status line and the first chunk, in ms. Default: 0. */
  firstChunkDelayMs?: number
  /**
   * Closes the connection 250 ms after this many chunks: 0 before any answer, `Infinity` just before the finish. A client
   * that is stalled for longer than that may see the end without the chunks.
   */
  cutAfter?: number
}

/** An HTTP error in OpenAI's shape; `headers` carries a `Retry-After`, which is never added on its own. */
export interface ErrorReply {
  error: {
    status: number
    message: string
    type?: string
    code?: string
    headers?: Readonly<Record<string, string>>
  }
}

/** Never answers until the model stops or the client leaves: `true` sends nothing, `'headers'` a 200 and no chunk. */
export interface HangReply {
  hang: true | 'headers'
}

/** What the model does with one request. */
export type ScriptedReply = StreamReply | ErrorReply | HangReply

/** One rule of a script. The first rule that matches and is not used up answers the request. */
export interface ScriptedRule {
  /** A part of the last user message, a pattern for it, or a test of the whole request. */
  match: string | RegExp | ((request: ModelRequest) => boolean)
  /**
   * One reply for every request, or a reply per step: an array starts over with each user message of each session, a
   * retry is a step too, and its last reply repeats. A function may wait before it replies.
   */
  reply:
    | ScriptedReply
    | readonly ScriptedReply[]
    | ((request: ModelRequest) => ScriptedReply | Promise<ScriptedReply>)
  /** How many requests the rule answers in all. Default: any number. */
  times?: number
}

/**
 * Compiles a script to a function that gives each request its reply and remembers how far every turn has come. It never
 * rejects: without a rule the reply is the text `no script for: …`, and when the script's own code throws, a 400 that
 * says so (opencode does not retry that).
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

/** Names the turn: both, because a compaction lowers the number of prompts and a later turn may repeat a text. */
function turnOf({ sessionID, messages, text }: ModelRequest): string {
  return `${sessionID}:${String(prompts(messages).length)}:${text}`
}
