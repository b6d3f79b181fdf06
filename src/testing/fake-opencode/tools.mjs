/** @import { Turn } from './turn.mjs' */
/** @import { PluginContext, PluginRequest, PluginTool, RunningTool, ToolOutcome } from './types.ts' */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, resolve, sep } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { changeFile, contentOf } from './files.mjs'
import { ask, grantOf } from './requests.mjs'
import { actionOf, isHidden } from './rules.mjs'

/**
 * Tools that opencode offers a model and the fake does not play.
 */
const others = ['glob', 'grep', 'skill', 'task', 'webfetch']

/**
 * Tool with which the model gives a structured answer.
 */
export const structuredTool = 'StructuredOutput'

/**
 * Error for a call that the user rejected. With a reason, the tool fails and the model continues; without a
 * reason, the loop stops.
 */
class Refused extends Error {
  /**
   * @param {string} message
   * @param {boolean} continues
   */
  constructor(message, continues) {
    super(message)
    this.continues = continues
  }
}

/** @typedef {Record<string, unknown>} Input */

/** @type {Record<string, (turn: Turn, tool: RunningTool, input: Input) => Promise<ToolOutcome>>} */
const tools = { bash, read, question, write, edit, todowrite }

/**
 * Plays one call of a tool. `bash`, `read`, `write` and `edit` really run; an unknown tool runs as `invalid`. Returns whether
 * the loop continues.
 * @param {Turn} turn
 * @param {{ name: string, args: Readonly<Input>, id?: string }} call
 * @returns {Promise<boolean>}
 */
export async function playTool(turn, { name, args, id }) {
  const tool = turn.calls.open(name, id)
  try {
    turn.calls.end(tool, await playerOf(turn, name)(turn, tool, { ...args }))
    return true
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    turn.calls.end(tool, { error: error.message })
    return error.continues
  }
}

/**
 * Returns the player of a tool: the fake's own, that of a plugin's tool, or that of a tool that is not offered.
 * The tool for a structured answer is offered only if the prompt has a schema.
 * @param {Turn} turn
 * @param {string} name
 * @returns {(typeof tools)[string]}
 */
function playerOf(turn, name) {
  const plugged = turn.server.plugins.get(name)
  if (isHidden(turn, name)) return unplayed
  if (name === structuredTool && turn.schema) return structuredOutput
  if (plugged) return (of, tool, input) => playPlugin(of, tool, input, plugged)
  return tools[name] ?? unplayed
}

/**
 * Plays a tool of a plugin.
 * @param {Turn} turn
 * @param {RunningTool} tool
 * @param {Input} input
 * @param {PluginTool} plugged
 * @returns {Promise<ToolOutcome>}
 */
async function playPlugin(turn, tool, input, plugged) {
  turn.calls.run(tool, input)
  const abort = new AbortController()
  const context = {
    sessionID: turn.session.info.id,
    messageID: turn.answerId,
    callID: tool.callID,
    agent: turn.agent,
    directory: turn.directory,
    abort: abort.signal,
    metadata: () => {}, // without effect, as in opencode
    /** @type {PluginContext['ask']} */
    ask: (request) => askFor(turn, tool, request),
  }
  try {
    const result = await turn.until(plugged.execute(input, context))
    return truncated(typeof result === 'string' ? { output: result } : result)
  } catch (error) {
    if (turn.aborted) abort.abort()
    if (turn.aborted || error instanceof Refused) throw error
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

/** Longest output of a plugin's tool, in bytes and in lines, as in opencode. */
const longestOutput = { bytes: 50 * 1024, lines: 2_000 }

/**
 * Cuts a long output to the lines that fit, as opencode does. The fake stores no file with the whole output.
 * @param {{ output: string, metadata?: Record<string, unknown>, attachments?: unknown[] }} result
 */
function truncated({ output, metadata = {}, ...rest }) {
  const lines = output.split('\n')
  const isShort = Buffer.byteLength(output) <= longestOutput.bytes && lines.length <= longestOutput.lines
  if (isShort) return { ...rest, output, metadata: { ...metadata, truncated: false } }
  let bytes = 0
  const kept = lines.slice(0, longestOutput.lines).filter((line) => {
    bytes += Buffer.byteLength(line) + 1
    return bytes <= longestOutput.bytes
  })
  const left = Buffer.byteLength(output) - Buffer.byteLength(kept.join('\n'))
  const notice = `...${left} bytes truncated...\n\nThe tool call succeeded but the output was truncated.`
  return {
    ...rest,
    output: `${kept.join('\n')}\n\n${notice}`,
    metadata: { ...metadata, truncated: true },
  }
}

/** @type {(typeof tools)[string]} */
async function bash(turn, tool, input) {
  const command = textOf(input['command'])
  turn.calls.run(tool, input, { output: '' })
  let output = ''
  const options = { cwd: turn.directory, detached: true }
  const child = spawn('/bin/sh', ['-c', command], { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      output += text
      turn.calls.run(tool, input, { output })
    })
  /** @type {Promise<number | null>} */
  const ended = new Promise((done) => child.on('close', done).on('error', () => done(127)))
  turn.server.children.add(child)
  void ended.then(() => turn.server.children.delete(child))
  const exit = await turn
    .until(ended)
    .catch((/** @type {unknown} */ error) =>
      abortBash(turn, tool, { child, ended, output: () => output }, error),
    )
  const metadata = { output, exit, truncated: false }
  return { output: output === '' ? '(no output)' : output, metadata, title: command }
}

/**
 * Kills an aborted command. Its part ends as completed, after the first idle.
 * @param {Turn} turn
 * @param {RunningTool} tool
 * @param {{ child: import('node:child_process').ChildProcess, ended: Promise<unknown>, output: () => string }} running
 * @param {unknown} error
 * @returns {never}
 */
function abortBash(turn, tool, { child, ended, output }, error) {
  const killed = async () => {
    killGroup(child.pid)
    await Promise.race([ended, sleep(1_000)])
    const text = `${output()}\n\n<shell_metadata>\nUser aborted the command\n</shell_metadata>`
    turn.calls.end(tool, { output: text, metadata: { output: output(), exit: null, truncated: false } })
  }
  turn.calls.leave(tool, killed())
  throw error
}

/**
 * Kills a command and its child processes, except those in a session of their own.
 * @param {number | undefined} pid
 */
export function killGroup(pid) {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // The process had already ended.
  }
}

/** @type {(typeof tools)[string]} */
async function read(turn, tool, input) {
  const file = await fileOf(turn, tool, input)
  try {
    return { output: listing(file, readFileSync(file, 'utf8')), title: file }
  } catch {
    return { error: `File not found: ${file}` }
  }
}

/**
 * @param {string} file
 * @param {string} text
 */
function listing(file, text) {
  const lines = text.replace(/\n$/, '').split('\n')
  const numbered = lines.map((line, i) => `${i + 1}: ${line}`).join('\n')
  const end = `(End of file - total ${lines.length} lines)`
  return `<path>${file}</path>\n<type>file</type>\n<content>\n${numbered}\n\n${end}\n</content>`
}

/** @param {unknown} value */
const textOf = (value) => (typeof value === 'string' ? value : '')

const rejected = 'The user rejected permission to use this specific tool call'

/**
 * Asks for permission to read a file outside the directory, unless the pattern is always allowed.
 * @param {Turn} turn
 * @param {RunningTool} tool
 * @param {string} file
 */
async function permit(turn, tool, file) {
  const parentDir = dirname(file)
  const pattern = `${parentDir}/*`
  if (turn.server.allowed.has(grantOf(turn.directory, 'external_directory', pattern))) return
  await asked(turn, tool, {
    permission: 'external_directory',
    patterns: [pattern],
    metadata: { filepath: file, parentDir },
    always: [pattern],
  })
}

/**
 * Asks for a permission that a plugin's tool wants, as its rules say.
 * @param {Turn} turn
 * @param {RunningTool} tool
 * @param {PluginRequest} request
 */
async function askFor(turn, tool, request) {
  const { permission } = request
  const isGranted = turn.server.allowed.has(grantOf(turn.directory, permission, '*'))
  const action = isGranted ? 'allow' : actionOf(turn, permission)
  if (action === 'deny')
    throw new Error('The user has specified a rule which prevents this specific tool call')
  if (action === 'ask') await asked(turn, tool, { ...request })
}

/**
 * Asks for a permission, and resolves when the call may go on.
 * @param {Turn} turn
 * @param {RunningTool} tool
 * @param {Record<string, unknown>} request
 */
async function asked(turn, tool, request) {
  const { reply, message } = await ask(turn, tool, 'permission', request)
  if (reply !== 'reject') return
  if (!message) throw new Refused(`${rejected}.`, false)
  throw new Refused(`${rejected} with the following feedback: ${message}`, true)
}

/** @type {(typeof tools)[string]} */
async function write(turn, tool, input) {
  const file = await fileOf(turn, tool, input)
  changeFile(turn, file, textOf(input['content']))
  return { output: 'Wrote file successfully.', title: file }
}

/** @type {(typeof tools)[string]} */
async function edit(turn, tool, input) {
  const file = await fileOf(turn, tool, input)
  const [before, old] = [contentOf(file), textOf(input['oldString'])]
  if (before === null) return { error: `File ${file} not found` }
  if (!before.includes(old)) return { error: 'Could not find oldString in the file.' }
  changeFile(
    turn,
    file,
    before.replace(old, () => textOf(input['newString'])),
  )
  return { output: 'Edit applied successfully.', title: file }
}

/**
 * Returns the file of a running call, when the call may use the file.
 * @param {Turn} turn
 * @param {RunningTool} tool
 * @param {Input} input
 */
async function fileOf(turn, tool, input) {
  const { directory } = turn
  const file = resolve(directory, textOf(input['filePath']))
  turn.calls.run(tool, input)
  if (!`${file}${sep}`.startsWith(`${directory}${sep}`)) await permit(turn, tool, file)
  return file
}

/** @type {(typeof tools)[string]} */
async function question(turn, tool, input) {
  const questions = /** @type {{ question: string }[]} */ (input['questions'] ?? [])
  const asked = ask(turn, tool, 'question', { questions }) // the request comes before the call runs
  turn.calls.run(tool, input)
  const { answers } = await asked
  if (!answers) throw new Refused('The user dismissed this question', false)
  const replies = questions.map(({ question: q }, i) => `"${q}"="${answers[i]?.join(', ') || 'Unanswered'}"`)
  const output = `User has answered your questions: ${replies.join(', ')}. You can now continue with the user's answers in mind.`
  return { output, metadata: { answers, truncated: false } }
}

/** @type {(typeof tools)[string]} */
async function todowrite(turn, tool, input) {
  const todos = /** @type {{ status: string }[]} */ (input['todos'] ?? [])
  turn.session.todos = todos
  turn.emit('todo.updated', { todos }) // the list comes before the call runs
  turn.calls.run(tool, input)
  await turn.sleep(0)
  const left = todos.filter(({ status }) => status !== 'completed').length
  return {
    output: JSON.stringify(todos, null, 2),
    metadata: { todos, truncated: false },
    title: `${left} todos`,
  }
}

/**
 * Takes the answer of a turn with a schema. As in opencode, the answer is not checked.
 * @type {(typeof tools)[string]}
 */
async function structuredOutput(turn, tool, input) {
  turn.calls.run(tool, input)
  await turn.sleep(0)
  turn.structured = input
  const output = 'Structured output captured successfully.'
  return { output, metadata: { valid: true }, title: 'Structured Output' }
}

/** @type {(typeof tools)[string]} */
async function unplayed(turn, tool, input) {
  const name = textOf(tool.part['tool'])
  await turn.sleep(0)
  if (others.includes(name) && !isHidden(turn, name)) {
    turn.calls.run(tool, input)
    return { error: `The fake opencode does not play the tool ${name}` }
  }
  const all = [...Object.keys(tools), 'invalid', ...others, ...turn.server.plugins.keys()]
  const known = all
    .filter((each) => !isHidden(turn, each))
    .sort()
    .join(', ')
  const error = `Model tried to call unavailable tool '${name}'. Available tools: ${known}.`
  tool.part = { ...tool.part, tool: 'invalid' }
  turn.calls.run(tool, { tool: name, error })
  return { output: `The arguments provided to the tool are invalid: ${error}`, title: 'Invalid Tool' }
}
