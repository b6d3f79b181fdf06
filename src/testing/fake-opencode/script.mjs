/** @import { ErrorReply } from '../model-script.ts' */
/** @import { FakeReply, PlayedRule } from '../fake-script.ts' */
/** @import { Turn } from './turn.mjs' */
/** @import { WireError } from './types.ts' */
import { countTokens } from './util.mjs'
import { playTool } from './tools.mjs'

/**
 * Maximum number of retries of a failing provider, as in opencode.
 */
const maxRetries = 5

/** @typedef {{ rule: PlayedRule, used: number, test: (text: string) => boolean }} LoadedRule */

/**
 * Returns the rules of a script with their use counts.
 * @param {readonly PlayedRule[]} rules
 * @returns {LoadedRule[]}
 */
export const loadScript = (rules) => rules.map((rule) => ({ rule, used: 0, test: testOf(rule) }))

/**
 * @param {PlayedRule} rule
 * @returns {LoadedRule['test']}
 */
function testOf({ match }) {
  if ('text' in match) return (text) => text.includes(match.text)
  const pattern = new RegExp(match.source, match.flags)
  return (text) => text.search(pattern) >= 0
}

/**
 * Returns the model of a turn, called once per step, or `undefined` if no rule matches the prompt.
 * @param {LoadedRule[]} script
 * @param {Turn} turn
 * @returns {(() => FakeReply) | undefined}
 */
export function modelOf(script, { text }) {
  /** @type {Map<LoadedRule, number>} */
  const steps = new Map()
  const find = () => script.find(({ rule, used, test }) => used < (rule.times ?? Infinity) && test(text))
  if (!find()) return undefined
  return () => {
    const found = find()
    if (!found) return { text: `no script for: ${text}` }
    found.used += 1
    const step = steps.get(found) ?? 0
    steps.set(found, step + 1)
    const { replies } = found.rule
    return replies[Math.min(step, replies.length - 1)] ?? {}
  }
}

/**
 * Plays a turn: asks the model and runs its tools until it stops.
 * @param {Turn} turn
 * @param {() => FakeReply} model
 */
export async function playModel(turn, model) {
  turn.begin()
  while (!turn.over) {
    const reply = await answered(turn, model)
    if (reply) await playStep(turn, reply)
  }
}

/**
 * Calls the model until it returns no error. Resolves with `undefined` if the turn ended with the error.
 * @param {Turn} turn
 * @param {() => FakeReply} model
 * @returns {Promise<Exclude<FakeReply, ErrorReply> | undefined>}
 */
async function answered(turn, model) {
  for (let attempt = 1; ; attempt++) {
    const reply = model()
    if (!('error' in reply)) return reply
    const error = apiError(reply)
    if (!error.data['isRetryable'] || attempt > maxRetries) {
      await turn.fail(error)
      return undefined
    }
    const waitMs = retryAfterMs(reply) ?? 2_000 * 2 ** (attempt - 1)
    turn.setStatus({ type: 'retry', attempt, message: error.data.message, next: Date.now() + waitMs })
    await turn.sleep(waitMs)
    turn.setStatus({ type: 'busy' })
  }
}

/**
 * @param {ErrorReply} reply
 * @returns {WireError}
 */
function apiError({ error: { status: statusCode, message, headers = {}, type, code } }) {
  const isRetryable = [408, 409, 429].includes(statusCode) || statusCode >= 500
  const responseBody = JSON.stringify({ error: { message, type, param: null, code } })
  return {
    name: 'APIError',
    data: { message, statusCode, isRetryable, responseHeaders: headers, responseBody },
  }
}

/** @param {ErrorReply} reply */
function retryAfterMs({ error: { headers = {} } }) {
  const [, seconds] = Object.entries(headers).find(([name]) => name.toLowerCase() === 'retry-after') ?? []
  return seconds === undefined ? undefined : Number(seconds) * 1_000
}

/**
 * @param {Turn} turn
 * @param {Exclude<FakeReply, ErrorReply>} reply
 */
async function playStep(turn, reply) {
  if ('hang' in reply) return turn.untilAborted()
  await turn.sleep(reply.firstChunkDelayMs ?? 0)
  turn.openStep()
  turn.everyMs = reply.chunkDelayMs ?? 0
  for (const text of pieces(reply.reasoning)) await turn.sendText(text, 'reasoning')
  for (const text of pieces(reply.text)) await turn.sendText(text)
  const {
    inputTokens = 10,
    outputTokens = 5,
    cachedTokens: cached,
    reasoningTokens: reasoning,
  } = reply.usage ?? {}
  turn.tokens = countTokens(inputTokens, outputTokens, {
    ...(cached && { cached }),
    ...(reasoning && { reasoning }),
  })
  const calls = reply.toolCalls ?? []
  const results = await Promise.all(calls.map((call) => playTool(turn, call)))
  if (results.includes(false) || turn.structured !== undefined) turn.finish('tool-calls')
  else if (calls.length > 0) turn.nextMessage()
  else turn.finish(reply.finishReason?.replace('_', '-'))
}

/** @param {string | readonly string[]} [text] */
const pieces = (text = []) => [text].flat().filter((piece) => piece !== '')
