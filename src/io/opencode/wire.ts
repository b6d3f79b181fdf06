import type { InputRequest, OpenCodeEvent, Usage } from '../../replies.ts'

/**
 * Fields of opencode's wire shapes, reduced to those that this package uses. Every parser returns `undefined`
 * for an unknown value, so that a malformed frame changes nothing and never throws.
 * @remarks Observed in opencode 1.18.33: `GET /event` and `GET /session/{id}/message`.
 */
type Fields = Record<string, unknown>

/**
 * Interval of the heartbeats of an event stream, in ms.
 *
 * @remarks Observed in opencode 1.18.33.
 */
export const heartbeatMs = 10_000

/** Error of `session.error` or of an assistant message. */
export interface WireError {
  name: string
  message: string
  statusCode: number | undefined
  isRetryable: boolean | undefined
  /** Body of the provider's response; never shown. */
  body?: string | undefined
}

/** `info` of a message. */
export interface WireMessage {
  id: string
  sessionId: string
  role: 'user' | 'assistant'
  parentId: string | undefined
  finish: string | undefined
  completed: boolean
  /** True for a compaction's summary, which has a cost but is no answer. */
  summary: boolean
  error: WireError | undefined
  usage: Usage | undefined
  /** True for a user message that asks for a structured answer. */
  asksForStructure: boolean
  /** Structured answer, as the model gave it; `undefined` if there is none. */
  structured: unknown
}

/** Call of a tool part, in one of its states. */
export interface WireTool {
  name: string
  callId: string
  status: 'pending' | 'running' | 'completed' | 'error'
  /** Input of the call; unknown while the call is pending. */
  input: Fields | undefined
  result: string
}

/** Part of a message. */
export interface WirePart {
  id: string
  messageId: string
  type: string
  text: string
  ended: boolean
  /** True for a part that the server made itself: a compaction's marker, or the text of a continuation. */
  synthetic: boolean
  tool: WireTool | undefined
  /** Child session that a `task` tool runs. */
  childId: string | undefined
}

/** Status of a session. */
export type WireStatus =
  { type: 'busy' } | { type: 'idle' } | { type: 'retry'; attempt: number; message: string; next: number }

/** Returns whether a value is an object or a list. Its fields may be anything. */
export const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null
const fields = (value: unknown): Fields => (isFields(value) ? value : {})
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
const count = (value: unknown): number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0

/** Child session and its parent. */
export interface SessionLink {
  parentId: string
  childId: string
}

/** Returns the session of an event. */
export function sessionOf(event: OpenCodeEvent): string | undefined {
  const properties = fields(event.properties)
  return (
    text(properties['sessionID']) ??
    text(fields(properties['part'])['sessionID']) ??
    text(fields(properties['info'])['sessionID'])
  )
}

/**
 * Returns the child session that an event reports, with its parent: by its creation, or by the `task` tool
 * that resumes it.
 */
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

/** Returns a message, from an event's `info` or an entry of the list of messages. */
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
    asksForStructure: fields(info['format'])['type'] === 'json_schema',
    structured: info['structured'],
  }
}

/**
 * Returns the directory that an assistant message is written in.
 * @remarks Observed in opencode 1.18.33: `info.path.cwd` of `message.updated`.
 */
export function workingDirectoryOf({ type, properties }: OpenCodeEvent): string | undefined {
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

/** Returns a part of a message, from an event or an entry of the list of messages. */
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

/** Returns the tool part that an event reports, with the session; `undefined` for any other event. */
export function toolPartOf(event: OpenCodeEvent): { sessionId: string; part: WirePart } | undefined {
  if (event.type !== 'message.part.updated' || fields(event.properties['part'])['type'] !== 'tool')
    return undefined
  const [sessionId, part] = [sessionOf(event), parsePart(event.properties['part'])]
  return sessionId === undefined || part?.tool === undefined ? undefined : { sessionId, part }
}

/** Returns whether an event reports that the model is asked. */
export const isStepStart = ({ type, properties }: OpenCodeEvent): boolean =>
  type === 'message.part.updated' && fields(properties['part'])['type'] === 'step-start'

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

/** Returns an error, from `session.error` or a message's `info`. */
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
    body: text(data['responseBody']),
  }
}

/** Returns the status of a session, from `session.status` or an entry of `GET /session/status`. */
export function parseStatus(value: unknown): WireStatus | undefined {
  const { type, attempt, message, next } = fields(value)
  if (type === 'busy' || type === 'idle') return { type }
  if (type !== 'retry') return undefined
  return { type, attempt: count(attempt), message: text(message) ?? '', next: count(next) }
}

/**
 * Returns a pending request, from `permission.asked`, `question.asked`, or an entry of `GET /permission` or
 * `GET /question`.
 */
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
  const { question, header, options, multiple, custom } = fields(value)
  return {
    question: text(question) ?? '',
    header: text(header) ?? '',
    options: asList(options).map((option) => ({
      label: text(fields(option)['label']) ?? '',
      description: text(fields(option)['description']) ?? '',
    })),
    ...(typeof multiple === 'boolean' && { multiple }),
    ...(typeof custom === 'boolean' && { custom }),
  }
}

/**
 * Returns the id of the request that an event closes, whoever answered the request.
 *
 * @remarks Observed in opencode: `permission.replied`, `question.replied` and `question.rejected`.
 */
export function closedRequestOf({ type, properties }: OpenCodeEvent): string | undefined {
  return /^(permission|question)\.(replied|rejected)$/.test(type) ? text(properties['requestID']) : undefined
}

/** Returns the ids of the requests in a list of `GET /permission` or `GET /question`. */
export const requestIdsOf = (requests: unknown): string[] =>
  asList(requests).flatMap((entry) => text(fields(entry)['id']) ?? [])

/** Returns a list unchanged, and an empty list for any other value. */
export const asList = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : [])

/** Returns the parts of an entry of `GET /session/{id}/message`. */
export const partsOf = (entry: unknown): unknown[] => (isFields(entry) ? asList(entry['parts']) : [])

/**
 * Returns whether an answer of `GET /session/status` shows a session as idle: idle sessions are absent from
 * the answer.
 */
export const isIdle = (status: unknown, sessionId: string | undefined): boolean =>
  isFields(status) && (sessionId === undefined || !(sessionId in status))
