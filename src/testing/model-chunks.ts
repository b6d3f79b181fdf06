import type * as Aimock from '@copilotkit/aimock'
import { callsOf, type ScriptedToolCall, type ScriptedUsage, type StreamReply } from './model-script.ts'

/** Frames of one streamed answer, before pacing and writing. */
export interface ReplyChunks {
  /** Chunks in order: reasoning, the role (at index `roleAt`), text and tool calls, the finish. */
  chunks: Aimock.SSEChunk[]
  roleAt: number
  /** Frame after the finish, with empty `choices`, for clients that ask for `include_usage`. */
  usageChunk: Aimock.SSEChunk
}

/**
 * Chunk size for aimock, which cuts text by length. A size longer than any text keeps each scripted chunk
 * whole.
 */
const WHOLE = Number.MAX_SAFE_INTEGER

/**
 * Builds the frames of a reply. Reasoning needs a loop, because aimock takes text in ordered blocks but
 * reasoning only as one string.
 */
export function buildChunks(aimock: typeof Aimock, model: string, reply: StreamReply): ReplyChunks {
  const shared = { id: aimock.generateId(), finishReason: finishReason(reply) }
  const thoughts = pieces(reply.reasoning).flatMap((thought) =>
    aimock.buildTextChunks('', model, WHOLE, thought, shared).slice(0, 1),
  )
  const blocks: Aimock.FixtureBlock[] = [
    ...pieces(reply.text).map((text) => ({ type: 'text' as const, text })),
    ...callsOf(reply).map((call) => ({ type: 'toolCall' as const, ...wireCall(call) })),
  ]
  const rest = aimock.buildContentWithToolCallsChunks('', [], model, WHOLE, undefined, shared, blocks)
  const usageChunk: Aimock.SSEChunk = {
    id: shared.id,
    object: 'chat.completion.chunk',
    created: Math.floor(Date.now() / 1000),
    model,
    choices: [],
    usage: wireUsage(reply.usage),
  }
  return { chunks: [...thoughts, ...rest], roleAt: thoughts.length, usageChunk }
}

/** Builds the same answer as one JSON body, for a request without `stream`. */
export function buildCompletion(
  aimock: typeof Aimock,
  model: string,
  reply: StreamReply,
): Aimock.ChatCompletion {
  const text = pieces(reply.text).join('')
  const reasoning = pieces(reply.reasoning).join('')
  const shared = { usage: wireUsage(reply.usage), finishReason: finishReason(reply) }
  const calls = callsOf(reply).map(wireCall)
  if (calls.length === 0) return aimock.buildTextCompletion(text, model, reasoning, shared)
  return aimock.buildContentWithToolCallsCompletion(text, calls, model, reasoning, shared)
}

function finishReason(reply: StreamReply): string {
  return reply.finishReason ?? (callsOf(reply).length > 0 ? 'tool_calls' : 'stop')
}

function pieces(text: string | readonly string[] = []): string[] {
  return [text].flat().filter((piece) => piece !== '')
}

/** Converts a tool call to the wire form, with the arguments as JSON text. */
function wireCall({ name, args, id }: ScriptedToolCall): Aimock.ToolCall {
  return { name, arguments: JSON.stringify(args), ...(id !== undefined && { id }) }
}

function wireUsage({
  inputTokens = 10,
  outputTokens = 5,
  cachedTokens,
  reasoningTokens,
}: ScriptedUsage = {}) {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    ...(cachedTokens !== undefined && { prompt_tokens_details: { cached_tokens: cachedTokens } }),
    ...(reasoningTokens !== undefined && {
      completion_tokens_details: { reasoning_tokens: reasoningTokens },
    }),
  }
}
