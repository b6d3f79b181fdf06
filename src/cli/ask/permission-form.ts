import type { PermissionRequest, RequestAnswer } from '../../replies.ts'
import { askUntilValid, type Form } from './form.ts'
import { visible, visibleLine } from './visible.ts'

/** Maximum number of lines of a value, such as a diff. */
const maxLines = 60

const choices: Record<string, 'once' | 'always' | 'reject'> = {
  ...{ o: 'once', once: 'once', y: 'once', yes: 'once' },
  ...{ a: 'always', always: 'always' },
  ...{ r: 'reject', reject: 'reject', n: 'reject', no: 'reject' },
}

/** Asks a person for a permission. @throws NoLineError as `form.ask` does. */
export async function askPermission(request: PermissionRequest, form: Form): Promise<RequestAnswer> {
  const who = request.child ? 'A subagent' : 'The agent'
  form.show(`${who} asks for the permission ${visibleLine(request.permission)}`)
  for (const pattern of request.patterns) form.show(`  pattern: ${visibleLine(pattern)}`)
  for (const line of detailsOf(request.metadata)) form.show(`  ${line}`)
  const hint = 'Type once, always or reject.'
  const answer = await askUntilValid(form, 'once, always or reject? [o/a/r] ', hint, (line) => {
    const word = line.toLowerCase()
    return Object.hasOwn(choices, word) ? choices[word] : undefined
  })
  if (answer !== 'reject') return answer
  const message = (await form.ask('Message to the model (Enter for none): ')).trim()
  return message === '' ? 'reject' : { reject: message }
}

/** Returns the lines of a request's details, such as the command, the file and the diff. */
function detailsOf(metadata: Record<string, unknown>): string[] {
  return Object.entries(metadata).flatMap(([name, value]) => {
    const lines = visible(textOf(value)).trimEnd().split('\n')
    const head = `${visibleLine(name)}:`
    if (lines.length === 1) return [`${head} ${lines.join('')}`]
    const rest = lines.length - maxLines
    const shown = lines.slice(0, maxLines).map((line) => `  ${line}`)
    return [head, ...shown, ...(rest > 0 ? [`  … and ${rest} more lines`] : [])]
  })
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
