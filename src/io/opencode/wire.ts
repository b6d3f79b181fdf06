import type { InputRequest, OpenCodeEvent, Usage } from '../../replies.ts'

/**
 * opencode's wire shapes, as narrow as we use them (opencode 1.18.33, `GET /event` and `GET /session/{id}/message`).
 * Every parser answers `undefined` for what it does not know: a malformed frame changes nothing and never throws.
 */
type Fields = Record<string, unknown>

/** An error as `session.error` and an assistant message carry it. */
export interface WireError {
  name: string
  message: string
  statusCode: number | undefined
  isRetryable: boolean | undefined
}

/** A message's `info`. */
export interface WireMessage {
  id: string
  sessionId: string
  role: 'user' | 'assistant'
  parentId: string | undefined
  finish: string | undefined
  completed: boolean
  /** A compaction's own summary: it costs, but it is no answer. */
  summary: boolean
  error: WireError | undefined
  usage: Usage | undefined
}

/** A tool part's call, at one of its states. */
export interface WireTool {
  name: string
  callId: string
  status: 'pending' | 'running' | 'completed' | 'error'
  /** Not known yet while a call is pending. */
  input: Fields | undefined
  result: string
}

/** A part of a message. */
export interface WirePart {
  id: string
  messageId: string
  type: string
  text: string
  ended: boolean
  /** Made by the server on its own account: a compaction's marker, a continuation's text. */
  synthetic: boolean
  tool: WireTool | undefined
  /** The child session that a `task` tool runs. */
  childId: string | undefined
}

/** What a session is doing. */
export type WireStatus =
  { type: 'busy' } | { type: 'idle' } | { type: 'retry'; attempt: number; message: string; next: number }

/** Whether a value is an object, a list included: its fields may be anything. */
export const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null
const fields = (value: unknown): Fields => (isFields(value) ? value : {})
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
const count = (value: unknown): number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0

/** A child session and its parent. */
export interface SessionLink {
  parentId: string
  childId: string
}

/** The session that an event is about. */
export function sessionOf(event: OpenCodeEvent): string | undefined {
  const properties = fields(event.properties)
  return (
    text(properties['sessionID']) ??
    text(fields(properties['part'])['sessionID']) ??
    text(fields(properties['info'])['sessionID'])
  )
}

/** The child session that an event makes known, and its parent: by its creation, or by the `task` tool that resumes it. */
export function childOf(event: OpenCodeEvent): SessionLink | undefined {
  if (event.type === 'session.created' || event.type === 'session.updated') {
    const { id, parentID } = fields(fields(event.properties)['info'])
    return pair(parentID, id)
  }
  if (event.type !== 'message.part.updated') return undefined
  return pair(sessionOf(event), parsePart(fields(event.properties)['part'])?.childId)
}

function pair(parentId: unknown, childId: unknown): SessionLink | undefined {
  if (typeof parentId !== 'string' || typeof childId !== 'string' || parentId === childId) return undefined
  return { parentId, childId }
}

/** A message, from an event's `info` or an entry of the list of messages. */
export function parseMessage(value: unknown): WireMessage | undefined {
  const info = fields(value)
  const id = text(info['id'])
  const role = info['role']
  if (id === undefined || (role !== 'user' && role !== 'assistant')) return undefined
  return {
    id,
    sessionId: text(info['sessionID']) ?? '',
    role,
    parentId: text(info['parentID']),
    finish: text(info['finish']),
    completed: fields(info['time'])['completed'] !== undefined,
    summary: info['summary'] === true,
    error: parseError(info['error']),
    usage: parseUsage(info),
  }
}

/** Returns the directory that an assistant message is written in (opencode 1.18.33, `info.path.cwd` of `message.updated`). */
export function workplaceOf({ type, properties }: OpenCodeEvent): string | undefined {
  if (type !== 'message.updated') return undefined
  return text(fields(fields(properties['info'])['path'])['cwd'])
}

function parseUsage(info: Fields): Usage | undefined {
  if (!isFields(info['tokens'])) return undefined
  const tokens = info['tokens']
  const cache = fields(tokens['cache'])
  return {
    input_tokens: count(tokens['input']),
    output_tokens: count(tokens['output']),
    reasoning_tokens: count(tokens['reasoning']),
    cache_read_tokens: count(cache['read']),
    cache_write_tokens: count(cache['write']),
    cost_usd: count(info['cost']),
  }
}

/** A part of a message, from an event or an entry of the list of messages. */
export function parsePart(value: unknown): WirePart | undefined {
  const part = fields(value)
  const [id, messageId, type] = [text(part['id']), text(part['messageID']), text(part['type'])]
  if (id === undefined || messageId === undefined || type === undefined) return undefined
  const metadata = fields(fields(part['state'])['metadata'])
  return {
    id,
    messageId,
    type,
    text: text(part['text']) ?? '',
    ended: fields(part['time'])['end'] !== undefined,
    synthetic: part['synthetic'] === true || type === 'compaction',
    tool: type === 'tool' ? parseTool(part) : undefined,
    childId: part['tool'] === 'task' ? text(metadata['sessionId']) : undefined,
  }
}

function parseTool(part: Fields): WireTool | undefined {
  const state = fields(part['state'])
  const [name, callId, status] = [text(part['tool']), text(part['callID']), state['status']]
  if (name === undefined || callId === undefined) return undefined
  if (status !== 'pending' && status !== 'running' && status !== 'completed' && status !== 'error')
    return undefined
  const result = status === 'error' ? state['error'] : state['output']
  const input = isFields(state['input']) && !Array.isArray(state['input']) ? state['input'] : undefined
  return { name, callId, status, input, result: text(result) ?? '' }
}

/** An error, from `session.error` or a message's `info`. */
export function parseError(value: unknown): WireError | undefined {
  const name = text(fields(value)['name'])
  if (name === undefined) return undefined
  const data = fields(fields(value)['data'])
  const { statusCode, isRetryable } = data
  return {
    name,
    message: text(data['message']) ?? name,
    statusCode: typeof statusCode === 'number' ? statusCode : undefined,
    isRetryable: typeof isRetryable === 'boolean' ? isRetryable : undefined,
  }
}

/** What a session is doing, from `session.status` or an entry of `GET /session/status`. */
export function parseStatus(value: unknown): WireStatus | undefined {
  const { type, attempt, message, next } = fields(value)
  if (type === 'busy' || type === 'idle') return { type }
  if (type !== 'retry') return undefined
  return { type, attempt: count(attempt), message: text(message) ?? '', next: count(next) }
}

/** A pending request, from `permission.asked`, `question.asked`, or an entry of `GET /permission` and `GET /question`. */
export function parseRequest(value: unknown, rootId: string): InputRequest | undefined {
  const entry = fields(value)
  const [id, sessionId] = [text(entry['id']), text(entry['sessionID'])]
  if (id === undefined || sessionId === undefined) return undefined
  const callId = text(fields(entry['tool'])['callID'])
  const common = {
    id,
    sessionId,
    child: sessionId !== rootId,
    ...(callId !== undefined && { tool: { callId } }),
  }
  const permission = text(entry['permission'])
  if (permission !== undefined) {
    const patterns = asList(entry['patterns']).filter((pattern) => typeof pattern === 'string')
    return { type: 'permission', ...common, permission, patterns, metadata: fields(entry['metadata']) }
  }
  if (!Array.isArray(entry['questions'])) return undefined
  return { type: 'question', ...common, questions: asList(entry['questions']).map(parseQuestion) }
}

function parseQuestion(value: unknown) {
  const { question, header, options, multiple } = fields(value)
  return {
    question: text(question) ?? '',
    header: text(header) ?? '',
    options: asList(options).map((option) => ({
      label: text(fields(option)['label']) ?? '',
      description: text(fields(option)['description']) ?? '',
    })),
    ...(typeof multiple === 'boolean' && { multiple }),
  }
}

/** A list as it is, anything else as an empty one. */
export const asList = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : [])

/** The parts of an entry of `GET /session/{id}/message`. */
export const partsOf = (entry: unknown): unknown[] => (isFields(entry) ? asList(entry['parts']) : [])

/** Whether an answer of `GET /session/status` says that a session does nothing: idle ones are absent. */
export const isIdle = (status: unknown, sessionId: string | undefined): boolean =>
  isFields(status) && (sessionId === undefined || !(sessionId in status))
