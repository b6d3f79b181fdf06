// The tables of docs/reference that repeat the source: options with their defaults, errors with their codes.
import { declarationsOf } from './source.mjs'

/** @typedef {import('./source.mjs').Declaration} Declaration @typedef {import('./source.mjs').Member} Member */

/** @param {string[][]} rows */
const tableOf = (rows) =>
  rows.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`).join('')

const files = [
  'server-options',
  'provider-options',
  'turn-options',
  'lifecycle-options',
  'fleet-options',
  'webhook-tool',
]
const options = files.flatMap((file) => declarationsOf(`config/${file}.ts`))

/** Returns an interface of the options. @param {string} name @returns {Declaration} */
function optionsNamed(name) {
  const found = options.find((declaration) => declaration.name === name)
  if (!found) throw new Error(`src/config has no interface ${name} of options`)
  return found
}

/**
 * Returns the members of an interface, then those of its bases. A base that is a part of another interface
 * (`Partial<…>`) is left out: its members are in that interface's table.
 * @param {string} name @returns {Member[]}
 */
export function optionsOf(name) {
  const { members, bases } = optionsNamed(name)
  return [...members, ...bases.filter((base) => !base.includes('<')).flatMap(optionsOf)].filter(
    ({ tags }) => tags['deprecated'] === undefined,
  )
}

/** Returns what an option is for: its docstring, else that of its type. @param {Member} member */
function purposeOf({ text, type, tags }) {
  const ofType = options.find(({ name }) => name === type)?.text ?? ''
  return [text === '' ? ofType : text, tags['remarks'] ?? ''].join(' ').trim()
}

/** Returns the table of an interface of options. @param {string} name */
const optionsTable = (name) =>
  tableOf([
    ['option', 'default', ''],
    ['---', '---', '---'],
    ...optionsOf(name).map((member) => [
      `\`${member.name}\``,
      member.tags['defaultValue'] ?? (member.isOptional ? 'none' : 'required'),
      purposeOf(member),
    ]),
  ])

/** Returns a literal without its quotes. @param {string | undefined} value */
const unquoted = (value) => value?.replace(/^'(.*)'$/, '$1') ?? ''

/** Returns the row of an error class. @param {Declaration} error */
function errorRow({ name, text, members }) {
  const retryable = members.find((member) => member.name === 'retryable')
  const code = members.find((member) => member.name === 'code')?.value
  const source = code === undefined ? 'as its `reply`' : 'as its `cause`'
  const own = members.filter((member) => !['name', 'errorName', 'code', 'retryable'].includes(member.name))
  const fields = own.length === 0 ? '' : ` Fields: ${own.map((field) => `\`${field.name}\``).join(', ')}.`
  return [
    `\`${name}\``,
    code === undefined ? source : `\`${unquoted(code)}\``,
    { true: 'yes', false: 'no' }[retryable ? (retryable.value ?? '') : 'false'] ?? source,
    text.replace(/^Error for /, '') + fields,
  ]
}

const errorsTable = () =>
  tableOf([
    ['class', '`code`', 'retryable', 'when'],
    ['---', '---', '---', '---'],
    ...declarationsOf('errors.ts')
      .filter(({ name }) => name.endsWith('Error'))
      .map(errorRow),
  ])

/** Pages with tables. A comment `table: name` stands before each. */
export const pages = ['options.md', 'errors.md'].map(
  (name) => new URL(`../../docs/reference/${name}`, import.meta.url),
)

/** Returns a page with its tables as the source has them now. @param {string} page */
export const filled = (page) =>
  page.replace(
    /(<!-- table: (\w+) -->\n)(?:\n(?:\|.*\n)+)?/g,
    (_all, /** @type {string} */ comment, name) => {
      const table = name === 'errors' ? errorsTable() : optionsTable(name)
      return `${comment}\n${table}`
    },
  )
