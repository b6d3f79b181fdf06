import type { PendingRequest } from '../../api/types.ts'
import type { PermissionRequest } from './request-types.ts'

/** Kind of a piece, by which the page chooses how to show the text. */
export type AskedKind = 'command' | 'diff' | 'text'

/** Piece of what a permission is for. */
export interface AskedPart {
  kind: AskedKind
  label: string
  text: string
}

/** Tool call that asks, from the replies of its turn. */
export interface AskingCall {
  tool: string
  args: Record<string, unknown>
}

/** All that a permission is for, in the order in which a person reads it. */
export interface Asked {
  parts: readonly AskedPart[]
  /** False if the parts tell nothing about the call, such as the pattern `*` alone. */
  isTold: boolean
}

/**
 * Returns all that a permission is for.
 *
 * @param call - the tool call that asks, if the view could read it
 */
export function askedOf(request: PermissionRequest, call: AskingCall | undefined): Asked {
  const { permission, patterns, metadata } = request
  const parts = new Parts()
  const changes = permission === 'edit' ? changedFiles(metadata['files']) : undefined
  parts.addText('command', 'Command', 'command', metadata['command'])
  for (const { label, patch } of changes ?? []) parts.addText('diff', label, 'patch', patch)
  if (!changes) parts.addText('diff', 'Change', 'diff', metadata['diff'])
  if (!changes) parts.addText('text', 'File', 'filepath', metadata['filepath'])
  parts.addText('text', 'Address', 'url', metadata['url'])
  const isOfPatterns = JSON.stringify(metadata['patterns']) === JSON.stringify(patterns)
  const isOfFolder = patterns.join() === `${String(metadata['parentDir'])}/*`
  const isShown = (key: string) =>
    (changes ? inFiles.has(key) : false) ||
    (key === 'patterns' && isOfPatterns) ||
    (key === 'parentDir' && isOfFolder)
  parts.addFields('', metadata, isShown)
  const isTold = !parts.isEmpty || call !== undefined || patterns.some((pattern) => !/^\**$/.test(pattern))
  if (!isSaidBy(metadata, patterns))
    parts.addText('text', patternLabels.get(permission) ?? 'Asked for', 'patterns', patterns.join('\n'))
  if (call) parts.addFields(`${call.tool}: `, call.args, (key) => parts.has('diff') && inDiff.has(key))
  return { parts: parts.list, isTold }
}

/** Returns whether the details say the same as the patterns: one command, or one file by its whole path. */
function isSaidBy(
  { command, filepath }: Record<string, unknown>,
  [pattern, ...more]: readonly string[],
): boolean {
  if (pattern === undefined || more.length > 0) return false
  const isEndOf = (path: unknown) => typeof path === 'string' && path.endsWith(`/${pattern}`)
  return pattern === command || pattern === filepath || isEndOf(filepath)
}

/** Returns the sentence of a request: the title of its card. */
export function titleOf(request: PendingRequest['request']): string {
  if (request.type === 'permission') return titles.get(request.permission) ?? 'Use a tool'
  return request.questions.length === 1 ? 'Answer a question' : `Answer ${request.questions.length} questions`
}

/** Details of an edit that the changes of the files show. */
const inFiles = new Set(['files', 'diff', 'filepath'])

/** Input of tools that change files, which the diff shows as it will be applied. */
const inDiff = new Set(['oldString', 'newString', 'content', 'patchText'])

/** Labels of the patterns, by the kind of permission. */
const patternLabels = new Map([
  ['bash', 'Commands in it'],
  ['external_directory', 'Folders'],
  ['edit', 'Files'],
  ['read', 'File'],
])

/**
 * Sentences of the kinds of permission.
 *
 * @remarks Observed in opencode: the kinds that its own tools ask for.
 */
const titles = new Map([
  ['bash', 'Run a command'],
  ['edit', 'Change files'],
  ['read', 'Read a file'],
  ['glob', 'List files'],
  ['grep', 'Search in files'],
  ['lsp', 'Ask the language server'],
  ['external_directory', 'Leave its directory'],
  ['webfetch', 'Fetch from the web'],
  ['websearch', 'Search the web'],
  ['task', 'Start a subagent'],
  ['skill', 'Load a skill'],
  ['todowrite', 'Change its list of tasks'],
  ['doom_loop', 'Repeat the same call again'],
])

/** Parts of a request. A detail and the input of the call that agree in name and text are one part. */
class Parts {
  readonly list: AskedPart[] = []
  readonly #known = new Set<string>()

  get isEmpty(): boolean {
    return this.list.length === 0
  }

  has(kind: AskedKind): boolean {
    return this.list.some((part) => part.kind === kind)
  }

  /** Adds a text, unless it is none, or empty. */
  addText(kind: AskedKind, label: string, key: string, value: unknown): void {
    if (typeof value !== 'string' || value === '') return
    this.#known.add(knownKey(key, value))
    this.list.push({ kind, label, text: value })
  }

  /** Adds every field, also those that the view does not know. */
  addFields(prefix: string, fields: Record<string, unknown>, isSkipped: (key: string) => boolean): void {
    for (const [key, value] of Object.entries(fields)) {
      if (isSkipped(key) || value === undefined) continue
      const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2)
      if (!this.#known.has(knownKey(key, text))) this.addText('text', `${prefix}${key}`, key, text)
    }
  }
}

const knownKey = (key: string, text: string): string => `${key.toLowerCase()}\n${text}`

/** Change of one file. */
interface ChangedFile {
  label: string
  patch: string
}

/** Returns the change of each file; `undefined` if any entry is not understood, so that the whole diff is shown. */
function changedFiles(value: unknown): ChangedFile[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined
  const files = value.map(changedFile)
  return files.every((file) => file !== undefined) ? files : undefined
}

function changedFile(value: unknown): ChangedFile | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { filePath, type, patch, movePath } = value as Record<string, unknown>
  if (typeof filePath !== 'string' || typeof type !== 'string' || typeof patch !== 'string') return undefined
  if (patch === '') return undefined
  const target = typeof movePath === 'string' ? ` to ${movePath}` : ''
  return { label: `${changeWords.get(type) ?? type} ${filePath}${target}`, patch }
}

const changeWords = new Map([
  ['add', 'Add'],
  ['update', 'Change'],
  ['delete', 'Delete'],
  ['move', 'Move'],
])
