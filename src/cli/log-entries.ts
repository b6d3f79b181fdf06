import { stripVTControlCharacters, styleText } from 'node:util'
import type { Lifecycle } from '../machines/lifecycle.ts'
import type {
  ErrorReply,
  FinalReply,
  InputRequest,
  ToolCallReply,
  ToolResultReply,
  Usage,
} from '../replies.ts'
import type { TurnStatus } from '../actors/turn/turn-record.ts'

/** Style of `styleText`. */
export type Style = Parameters<typeof styleText>[0]

/** Function that paints a text, or returns it unchanged. */
export type Paint = (style: Style, text: string) => string

/**
 * Returns a function that paints if the stream shows colours: `styleText` itself checks isTTY, NO_COLOR,
 * FORCE_COLOR and TERM. Asks `styleText` once, with one style: with several styles it does not check the
 * stream (Node 20.20).
 */
export function paintFor(stream: NodeJS.WritableStream): Paint {
  if (styleText('red', '-', { stream }) === '-') return (_style, text) => text
  return (style, text) => styleText(style, text, { validateStream: false })
}

/** Entry of the log about one event: a mark, a name and a text. */
export interface LogEntry {
  mark: string
  name: string
  text: string
  style: Style
  /** Style of the text; none by default. */
  textStyle?: Style
  /** True if the text is never shortened to the width. */
  isWhole?: true
}

const nameWidth = 12

/** Column at which the text of an entry begins. */
export const textColumn = 9 + 2 + nameWidth + 1

/** Returns the beginning of an entry, up to its text. */
export function entryHead({ mark, name, style }: LogEntry, elapsedMs: number, paint: Paint): string {
  const time = `${(elapsedMs / 1000).toFixed(2)}s`.padStart(8)
  return `${paint('dim', time)} ${paint(style, mark)} ${paint(style, name.padEnd(nameWidth))} `
}

/** Returns the entry as one line, of at most `width` columns unless the entry is whole. */
export function formatEntry(entry: LogEntry, elapsedMs: number, paint: Paint, width: number): string {
  const line = oneLine(entry.text)
  const text = entry.isWhole ? line : clip(line, Math.max(20, width - textColumn))
  return `${entryHead(entry, elapsedMs, paint)}${entry.textStyle === undefined ? text : paint(entry.textStyle, text)}`.trimEnd()
}

/** Returns the entry of a lifecycle. */
export function lifecycleEntry({ state, pid, baseURL, restarts, reason, error }: Lifecycle): LogEntry {
  const restart = restarts > 0 && state !== 'idle' ? ` (restart ${restarts})` : ''
  if (state === 'healthy')
    return { mark: '●', name: state, text: `${baseURL ?? ''}${restart}`, style: 'green' }
  if (state === 'failed')
    return { mark: '✘', name: state, text: error?.message ?? reason ?? '', style: 'red' }
  if (state === 'reaping')
    return { mark: '○', name: state, text: error?.message ?? reason ?? '', style: 'yellow' }
  return { mark: '○', name: state, text: `${pid === undefined ? '' : `pid ${pid}`}${restart}`, style: 'cyan' }
}

/** Returns the entry of a status that explains a wait; `undefined` for any other status. */
export function statusEntry(status: TurnStatus): LogEntry | undefined {
  if (status.state === 'resyncing')
    return {
      mark: '↻',
      name: 'resync',
      text: 'the event stream was lost; requesting the missed events',
      style: 'yellow',
    }
  if (status.state !== 'retrying') return undefined
  const wait = `${(Math.max(0, status.nextAt - status.at) / 1000).toFixed(1)} s`
  return {
    mark: '↻',
    name: `retry ${status.attempt}`,
    text: `in ${wait}: ${status.message}`,
    style: 'yellow',
  }
}

/** Returns the entry of a request, with its answer. */
export function requestEntry(request: InputRequest, answer: string): LogEntry {
  const what =
    request.type === 'question'
      ? request.questions.map(({ question }) => question).join(' / ')
      : `${request.permission} ${request.patterns.join(' ')}`
  return { mark: '?', name: request.type, text: `${what} → ${answer}`, style: 'yellow' }
}

/** Returns the entry of a tool call. */
export const toolCallEntry = ({ tool, args }: ToolCallReply): LogEntry => ({
  mark: '▸',
  name: tool,
  text: typeof args['command'] === 'string' ? `$ ${args['command']}` : JSON.stringify(args),
  style: 'blue',
})

/** Returns the entry of a tool result. */
export const toolResultEntry = ({ tool, result, success }: ToolResultReply): LogEntry =>
  success
    ? { mark: '✔', name: tool, text: result, style: 'green', textStyle: 'dim' }
    : { mark: '✘', name: tool, text: result, style: 'red' }

/** Returns the entry of the final reply. */
export const finalEntry = ({ finish_reason, usage }: FinalReply): LogEntry => ({
  mark: '✔',
  name: 'final',
  text: `${finish_reason ?? 'no finish reason'}, ${usageText(usage)}`,
  style: 'green',
})

/** Returns the entry of an error, with its code first, because scripts and bug reports use the code. */
export const errorEntry = ({ error, code, retryable }: ErrorReply): LogEntry => ({
  mark: '✘',
  name: 'error',
  text: `${code}${retryable ? ' (may succeed later)' : ''}: ${error}`,
  style: 'red',
  isWhole: true,
})

/** Returns tokens and cost in words, without zero values. */
export function usageText(usage: Usage): string {
  const counts = [
    [usage.input_tokens, 'in'],
    [usage.cache_read_tokens, 'cached'],
    [usage.cache_write_tokens, 'cache write'],
    [usage.output_tokens, 'out'],
    [usage.reasoning_tokens, 'reasoning'],
  ] as const
  const known = counts.filter(([tokens]) => tokens > 0).map(([tokens, what]) => `${tokens} ${what}`)
  const cost = usage.cost_usd > 0 ? `, $${Number(usage.cost_usd.toPrecision(3))}` : ''
  return known.length === 0 ? 'no usage' : `${known.join(', ')} tokens${cost}`
}

/** Returns the text without what moves a terminal's cursor or recolours it; keeps line breaks and tabs. */
export const printable = (text: string): string =>
  stripVTControlCharacters(text).replace(/(?![\n\t])\p{Cc}/gu, '')

const oneLine = (text: string): string => printable(text.trim().replace(/\s*\n\s*/g, ' ⏎ '))

const clip = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, width - 1)}…` : text
