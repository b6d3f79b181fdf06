import { asList, isFields, partsOf } from './wire.ts'

/** Session of a server. */
export interface SessionInfo {
  /** Id of the session. */
  id: string
  /** Title: as given, or the first line of the first prompt. */
  title: string
  /** Directory in which the session's agent works. */
  directory: string
  /** Time of the creation, in epoch ms. */
  createdAt: number
  /** Time of the last change, in epoch ms. */
  updatedAt: number
  /** Cost of all turns in US dollars, by the prices of the models. */
  costUsd: number
}

/** Session, as the server reports it. */
export interface WireSession extends SessionInfo {
  /** Message before which the session is reverted, until its next prompt. */
  revert: WireRevert | undefined
}

/** State of a reverted session. */
export interface WireRevert {
  messageId: string
  /** True if the server also put the files back, because it keeps snapshots of the directory. */
  hasFiles: boolean
}

/** User message, as the server stores it. */
export interface WirePrompt {
  id: string
  /** Epoch ms. */
  at: number
  /** Text of the user's own text parts. */
  text: string
  attachments: WireAttachment[]
  model: { providerId: string; modelId: string } | undefined
  /**
   * User's own prompt; or a note, which no model answers; or a message that the server or this package added to the
   * prompt before; or a compaction.
   */
  kind: 'own' | 'note' | 'added' | 'compaction'
}

/** File of a prompt. */
export interface WireAttachment {
  mime: string
  filename?: string
}

/** Change of a file, as the server reports it. */
export interface WireChange {
  path: string
  additions: number
  deletions: number
  patch: string
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const number = (value: unknown): number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0
const fields = (value: unknown): Record<string, unknown> => (isFields(value) ? value : {})

/**
 * Returns a session, from an answer of a session's route.
 * @remarks Observed in opencode 1.18.33: `GET /session/{id}`; a session in a directory without git has a `revert`
 *   without `snapshot`.
 */
export function parseSession(value: unknown): WireSession | undefined {
  const { id, title, directory, time, cost, revert } = fields(value)
  if (typeof id !== 'string') return undefined
  const { created, updated } = fields(time)
  const { messageID, snapshot } = fields(revert)
  return {
    id,
    title: text(title),
    directory: text(directory),
    createdAt: number(created),
    updatedAt: number(updated),
    costUsd: number(cost),
    revert:
      typeof messageID === 'string'
        ? { messageId: messageID, hasFiles: typeof snapshot === 'string' }
        : undefined,
  }
}

/**
 * Returns a user message, from an entry of `GET /session/{id}/message`.
 * @remarks Observed in opencode 1.18.33: the server stores the text that it made of a file as synthetic parts beside the
 *   file. A message of which all texts are synthetic continues the prompt before it.
 */
export function parsePrompt(entry: unknown): WirePrompt | undefined {
  const info = fields(fields(entry)['info'])
  const { id, role, time, model } = info
  const { providerID, modelID } = fields(model)
  if (role !== 'user' || typeof id !== 'string') return undefined
  const parts = partsOf(entry).filter(isFields)
  const own = parts.filter((part) => part['synthetic'] !== true)
  const texts = own.filter(({ type }) => type === 'text').map((part) => text(part['text']))
  return {
    id,
    at: number(fields(time)['created']),
    text: texts.join('\n'),
    attachments: own.filter(({ type }) => type === 'file').map(attachmentOf),
    model:
      typeof providerID === 'string' && typeof modelID === 'string'
        ? { providerId: providerID, modelId: modelID }
        : undefined,
    kind: kindOf(parts, own),
  }
}

/** Returns when a message was created, in epoch ms, from an entry of `GET /session/{id}/message`. */
export const createdAt = (entry: unknown): number =>
  number(fields(fields(fields(entry)['info'])['time'])['created'])

/**
 * Marks the text of a note, because the server does not store that a prompt asked for no answer.
 * @remarks Observed in opencode 1.18.33: the server stores the metadata of a text unchanged, and sends them to no model.
 */
export const noteMetadata = { 'opencode-runtime': 'note' }

const isNote = ({ metadata }: Record<string, unknown>): boolean =>
  fields(metadata)['opencode-runtime'] === noteMetadata['opencode-runtime']

function kindOf(parts: Record<string, unknown>[], own: Record<string, unknown>[]): WirePrompt['kind'] {
  if (own.some(isNote)) return 'note'
  const compaction = parts.find(({ type }) => type === 'compaction')
  if (compaction) return compaction['auto'] === true ? 'added' : 'compaction'
  return parts.length > 0 && own.length === 0 ? 'added' : 'own'
}

function attachmentOf({ mime, filename }: Record<string, unknown>): WireAttachment {
  return { mime: text(mime), ...(typeof filename === 'string' && { filename }) }
}

/**
 * Returns the id of a user message that has changes of files, from an entry of `GET /session/{id}/message`.
 */
export function changedIn(entry: unknown): string | undefined {
  const { id, summary } = fields(fields(entry)['info'])
  return typeof id === 'string' && asList(fields(summary)['diffs']).length > 0 ? id : undefined
}

/** Returns the changes of files, from an answer of `GET /session/{id}/diff`. */
export const parseChanges = (value: unknown): WireChange[] =>
  asList(value)
    .filter(isFields)
    .flatMap(({ file, additions, deletions, patch }) =>
      typeof file === 'string'
        ? [{ path: file, additions: number(additions), deletions: number(deletions), patch: text(patch) }]
        : [],
    )

/**
 * Returns whether the abort of a turn ended a tool call, so that the turn had ended before the call's result.
 * @remarks Observed in opencode 1.18.33: the results of aborted calls come after the idle. A call that was not yet
 *   complete is stored with the input `{}`.
 */
export function isAbortedCall(part: Record<string, unknown>): boolean {
  const { status, error, output } = fields(part['state'])
  if (status === 'error') return error === 'Tool execution aborted'
  return text(output).endsWith('User aborted the command\n</shell_metadata>')
}

/** Returns whether an assistant message was aborted, from its `info`. */
export const isAborted = (info: unknown): boolean =>
  fields(fields(info)['error'])['name'] === 'MessageAbortedError'

/**
 * Returns whether an assistant message has a structured answer, which ends the work whatever the finish reason.
 * @remarks Observed in opencode 1.18.33: the message's `structured`, after a prompt with a `format`.
 */
export const isStructured = (entry: unknown): boolean =>
  fields(fields(entry)['info'])['structured'] !== undefined

/**
 * Returns whether a prompt asks for a structured answer.
 * @remarks Observed in opencode 1.18.33: the server cannot encode such a message again. A list that contains it answers
 *   400, and a fork 500.
 */
export const asksForStructure = (entry: unknown): boolean => isFields(fields(fields(entry)['info'])['format'])

/**
 * Returns a prompt in the place of one that the server cannot send: the prompt of an answer, without its text.
 * @param answer - entry of `GET /session/{id}/message`
 */
export function unreadablePrompt(answer: unknown): unknown {
  const { parentID: id, sessionID, time } = fields(fields(answer)['info'])
  const format = isStructured(answer) && { format: { type: 'json_schema' } }
  return { info: { id, role: 'user', sessionID, time, ...format }, parts: [] }
}
