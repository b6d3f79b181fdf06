import { plural } from '../../words/format.ts'

/** Input of a tool in the form in which a person reads it fastest. */
export type ShownInput =
  | { kind: 'command'; command: string; note: string | undefined }
  | { kind: 'edit'; path: string; before: string; after: string }
  | { kind: 'write'; path: string; content: string }
  | { kind: 'patch'; patch: string }
  | { kind: 'fields' }

type Fields = Readonly<Record<string, unknown>>

/**
 * Returns the form of a tool's input, by the fields that it has.
 *
 * @remarks Observed in opencode: `bash` has a `command`, `edit` has `filePath`, `oldString` and `newString`, `write` has
 * `content`, `apply_patch` has `patchText`; the request for an edit has a `diff`.
 */
export function shownInput(args: Fields): ShownInput {
  const path = textOf(args, 'filePath', 'filepath', 'path') ?? ''
  const command = textOf(args, 'command')
  if (command !== undefined) return { kind: 'command', command, note: textOf(args, 'description') }
  const [before, after] = [textOf(args, 'oldString'), textOf(args, 'newString')]
  if (before !== undefined && after !== undefined) return { kind: 'edit', path, before, after }
  const patch = textOf(args, 'diff', 'patch')
  if (patch !== undefined && /^@@ -\d/m.test(patch)) return { kind: 'patch', patch }
  const content = textOf(args, 'content', 'patchText')
  if (content !== undefined) return { kind: 'write', path, content }
  return { kind: 'fields' }
}

/** Most fields that are listed one by one; more are shown as JSON. */
const mostFields = 50

/** Fields that a form shows already; the other fields are listed below. */
const shownFields: Readonly<Record<ShownInput['kind'], readonly string[]>> = {
  command: ['command', 'description'],
  edit: ['filePath', 'filepath', 'path', 'oldString', 'newString'],
  write: ['filePath', 'filepath', 'path', 'content', 'patchText'],
  patch: ['diff', 'patch'],
  fields: [],
}

/** Returns the names and values of the fields that a form does not show. */
export function otherFields(args: Fields, { kind }: ShownInput): [name: string, value: string][] {
  const others = Object.entries(args).filter(([name]) => !shownFields[kind].includes(name))
  if (others.length > mostFields) return [['fields', valueText(Object.fromEntries(others))]]
  return others.map(([name, value]) => [name, valueText(value)])
}

/** Returns a value as text: texts as they are, others as JSON. */
export const valueText = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value, null, 2)

/** Fields by which a tool call is recognized in a list, the most telling first. */
const telling = [
  'command',
  'filePath',
  'filepath',
  'path',
  'pattern',
  'url',
  'query',
  'description',
  'name',
  'prompt',
]

/** Returns the line that tells what a tool call is about. */
export function digestOf(args: Fields): string {
  const { todos, questions } = args
  if (Array.isArray(questions)) return plural(questions.length, 'question')
  if (Array.isArray(todos)) return plural(todos.length, 'task')
  const text = textOf(args, ...telling) ?? (Object.keys(args).length === 0 ? '' : JSON.stringify(args))
  const line = text.trim()
  const end = line.indexOf('\n')
  return end === -1 ? line : `${line.slice(0, end)} …`
}

function textOf(args: Fields, ...names: string[]): string | undefined {
  const name = names.find((name) => typeof args[name] === 'string')
  return name === undefined ? undefined : String(args[name])
}
