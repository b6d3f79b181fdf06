/** @import { Turn } from './turn.mjs' */
/** @import { WireError } from './types.ts' */
import { playTool } from './tools.mjs'

/** @type {Record<string, (turn: Turn, argument: string) => unknown>} Players; each may end the turn. */
const keywords = {
  slow: (turn, ms) => turn.sleep(Number(ms)),
  every: (turn, ms) => void (turn.everyMs = Number(ms)),
  echo: (turn, text) => turn.sendText(text),
  think: (turn, text) => turn.sendText(text || 'hmm', 'reasoning'),
  hang: (turn) => turn.untilAborted(),
  stream,
  tool: fakeTool,
  fail: (turn, what) => turn.fail(failure(what)),
  retry,
  permission: (turn) => call(turn, ['read', { filePath: '/etc/hostname' }]),
  permissions: (turn) => call(turn, ...readsOutside),
  question: (turn) => call(turn, ['question', { questions: [which] }]),
}

/** @type {Named[]} Reads outside of every workspace: two in one folder, and one in another. */
const readsOutside = [
  ['read', { filePath: '/etc/hostname' }],
  ['read', { filePath: '/etc/hosts' }],
  ['read', { filePath: '/proc/version' }],
]

const which = {
  question: 'Which?',
  header: 'pick',
  options: [
    { label: 'A', description: 'a' },
    { label: 'B', description: 'b' },
  ],
}

/**
 * @param {Turn} turn
 * @param {string} count
 */
async function stream(turn, count) {
  for (let i = 0; i < Number(count); i++) await turn.sendText('x ')
}

/**
 * Plays a tool call of the given duration; nothing really runs.
 * @param {Turn} turn
 * @param {string} ms
 */
async function fakeTool(turn, ms) {
  turn.endText()
  const tool = turn.calls.open('bash')
  turn.calls.run(tool, { command: 'echo hi', description: 'x' })
  await turn.sleep(Number(ms))
  turn.calls.end(tool, { output: 'hi\n', metadata: { exit: 0, truncated: false }, title: 'echo hi' })
  continueTurn(turn)
}

/** @typedef {[name: string, args: Record<string, unknown>]} Named Name and input of a tool's call. */

/**
 * Plays calls of tools, all at once.
 * @param {Turn} turn
 * @param {Named[]} calls
 */
async function call(turn, ...calls) {
  turn.endText()
  const results = await Promise.all(calls.map(([name, args]) => playTool(turn, { name, args })))
  if (results.includes(false)) turn.finish('tool-calls')
  else continueTurn(turn)
}

/** @param {Turn} turn */
function continueTurn(turn) {
  turn.nextMessage()
  turn.openStep()
}

/**
 * Emits the given number of retry notices, 10 ms apart, then nothing.
 * @param {Turn} turn
 * @param {string} count
 */
async function retry(turn, count) {
  for (let attempt = 1; attempt <= Number(count); attempt++) {
    if (attempt > 1) turn.setStatus({ type: 'busy' })
    const next = Date.now() + 1000 * 2 ** attempt
    turn.setStatus({ type: 'retry', attempt, message: 'Rate limit reached', next })
    await turn.sleep(10)
  }
  await turn.untilAborted()
}

/**
 * Returns the error for a keyword's argument. `401`: an APIError. `ContextOverflowError`: an error of that
 * name.
 * @param {string} what
 * @returns {WireError}
 */
function failure(what) {
  const statusCode = Number(what)
  if (Number.isNaN(statusCode)) return { name: what, data: { message: `fake ${what}` } }
  const isRetryable = statusCode === 429 || statusCode >= 500
  const message = `fake failure ${what}`
  return { name: 'APIError', data: { message, statusCode, isRetryable, responseBody: '{}' } }
}

/**
 * Plays a turn by the keywords at the start of its prompt, in order: `slow:50 tool stream:3`.
 * @param {Turn} turn
 * @param {string} [text] replaces the prompt's text
 */
export async function playKeywords(turn, text = turn.text) {
  turn.begin()
  turn.openStep()
  for (const [keyword, argument] of parsePrompt(text)) {
    await keywords[keyword]?.(turn, argument)
    if (turn.over) return
  }
  if (!turn.hasText) for (const piece of ['Hello', ' world']) await turn.sendText(piece)
  turn.finish()
}

/**
 * @param {string} text
 * @returns {[string, string][]}
 */
function parsePrompt(text) {
  /** @type {[string, string][]} */
  const found = []
  for (let rest = text.trimStart(); ;) {
    if (rest.startsWith('echo:')) return [...found, ['echo', rest.slice(5)]] // takes the rest of the prompt
    const [whole = '', keyword = '', argument = ''] = /^(\w+)(?::(\S+))?(?:\s+|$)/.exec(rest) ?? []
    if (!Object.hasOwn(keywords, keyword)) return found
    found.push([keyword, argument])
    rest = rest.slice(whole.length)
  }
}
