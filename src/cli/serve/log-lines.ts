import type { Logger } from '../../config/server-options.ts'
import { wireTexts } from '../../gateway/schemas/wire-texts.ts'
import { printable } from '../log-entries.ts'
import type { Output } from '../output.ts'

/** Level of a line of the log. */
export type LogLevel = keyof Logger

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** Form of the lines of a log. */
export interface LogForm {
  /** Least level of the lines that are written. */
  level: LogLevel
  /** True for one JSON object per line. */
  isJson: boolean
}

/** Returns a logger that writes one line per call. A line that cannot be written is lost. */
export function lineLogger(out: Output, { level: least, isJson }: LogForm, now = () => new Date()): Logger {
  const format = isJson ? jsonLine : textLine
  const write = (level: LogLevel) => (fields: object, message: string) => {
    if (levels.indexOf(level) < levels.indexOf(least)) return
    const head = { time: now().toISOString(), level, message: wireTexts(message) }
    void out.write(`${format(head, withWireTexts(fields))}\n`)
  }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

/** Fields of lines that hold a message. */
const messages = new Set(['error', 'reason'])

/** Returns the fields of a line; their messages name options as the config file does. */
const withWireTexts = (fields: object): object =>
  Object.fromEntries(
    Object.entries(fields).map(([key, value]: [string, unknown]) => [
      key,
      messages.has(key) && typeof value === 'string' ? wireTexts(value) : value,
    ]),
  )

interface LineHead {
  time: string
  level: LogLevel
  message: string
}

const jsonLine = ({ time, level, message }: LineHead, fields: object): string =>
  JSON.stringify({ time, level, msg: message, ...fields }, (_key, value: unknown) => shown(value))

function textLine({ time, level, message }: LineHead, fields: object): string {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  const pairs = given.map(([key, value]) => `${key}=${textOf(shown(value))}`)
  return [time, level.padEnd(5), printable(message), ...pairs].join(' ')
}

/** Returns an error as its class, code and message, which JSON leaves out. */
function shown(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (!(value instanceof Error)) return value
  const { name, message, code } = value as Error & { code?: unknown }
  return { name, ...(typeof code === 'string' && { code }), message: wireTexts(message) }
}

/** Returns a value in one word: a text with blanks in quotes, an object as JSON. */
function textOf(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=\\]+$/.test(value)) return printable(value)
  return printable(JSON.stringify(value, (_key, inner: unknown) => shown(inner)))
}
