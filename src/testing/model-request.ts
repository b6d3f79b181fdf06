import type { IncomingHttpHeaders } from 'node:http'
import { helperPrompts, sessionHeader, toolMediaText } from '../io/opencode/model-calls.ts'

/**
 * Purpose of a request. Only `chat` reaches the script's rules; `title` and `summary` are answered with a
 * fixed text; `rejected` had the wrong key.
 *
 * @remarks opencode requests a `title` in parallel with the first turn of a session, and a `summary` when it
 * compacts a session.
 */
export type ModelRequestKind = 'chat' | 'title' | 'summary' | 'rejected'

/** Message of a chat-completion request, in OpenAI's shape. */
export interface ModelMessage {
  role: string
  /** String, or parts such as `{ type: 'text', text }` and `{ type: 'image_url', image_url }`. */
  content?: unknown
  tool_calls?: readonly { id: string; type: 'function'; function: { name: string; arguments: string } }[]
  tool_call_id?: string
}

/** Tool that the client offers to the model, in OpenAI's shape. */
export interface ModelTool {
  type: 'function'
  function: { name: string; description?: string; parameters?: unknown }
}

/** Body of a chat-completion request as received. */
export interface ModelRequestBody {
  model: string
  messages: readonly ModelMessage[]
  tools?: readonly ModelTool[]
  stream?: boolean
  stream_options?: { include_usage?: boolean }
  [field: string]: unknown
}

/** Recorded chat-completion request. */
export interface ModelRequest {
  kind: ModelRequestKind
  model: string
  messages: readonly ModelMessage[]
  tools: readonly ModelTool[]
  /**
   * Text parts of the last user message, joined by newlines. A rule's string or RegExp is matched against
   * this text.
   */
  text: string
  /** opencode session id, from the `x-session-id` header; empty for another client. */
  sessionID: string
  /**
   * Headers with lower-case names. `authorization` is not redacted. `x-request-id` is aimock's own unless the
   * client sent a value.
   */
  headers: IncomingHttpHeaders
  body: ModelRequestBody
}

/**
 * Returns a parsed request, or `undefined` if the body is not a chat completion. Never throws.
 *
 * @internal
 */
export function readModelRequest(raw: string, headers: IncomingHttpHeaders): ModelRequest | undefined {
  const body = parseJson(raw)
  if (!isChatBody(body)) return undefined
  const { model, messages, tools = [] } = body
  const sessionID = headers[sessionHeader]?.toString() ?? ''
  return {
    kind: kindOf(messages),
    model,
    messages,
    tools,
    text: prompts(messages).at(-1) ?? '',
    sessionID,
    headers,
    body,
  }
}

function parseJson(raw: string): unknown {
  try {
    return JSON.parse(raw)
  } catch {
    return undefined
  }
}

function isChatBody(body: unknown): body is ModelRequestBody {
  return (
    isObject(body) &&
    'model' in body &&
    typeof body.model === 'string' &&
    'messages' in body &&
    Array.isArray(body.messages) &&
    body.messages.every((message) => isObject(message) && 'role' in message)
  )
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function kindOf(messages: readonly ModelMessage[]): 'chat' | 'title' | 'summary' {
  const system = messages.find(({ role }) => role === 'system')
  const prompt = textOf(system?.content)
  return helperPrompts.find((helper) => helper.prompt.test(prompt))?.kind ?? 'chat'
}

/**
 * Returns the texts of the messages that a user typed: role `user`, without those that carry a tool's image.
 *
 * @internal
 */
export function prompts(messages: readonly ModelMessage[]): string[] {
  return messages
    .filter(({ role }) => role === 'user')
    .map(({ content }) => textOf(content))
    .filter((text) => text !== toolMediaText)
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.flatMap(partText).join('\n')
}

function partText(part: unknown): string[] {
  return isObject(part) && 'text' in part && typeof part.text === 'string' ? [part.text] : []
}
