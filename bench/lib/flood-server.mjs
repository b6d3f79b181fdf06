// Stand-in for `opencode serve`, as far as a turn needs a server, in its own process.
// The parent receives `{ port }` and sends `{ turns, deltas }`. When `turns` sessions were prompted,
// the server emits their answers on the event stream at once: `deltas` deltas in total, in turn from each
// session.
// The frames have the form of `GET /global/event` (see src/io/opencode/frames.ts).
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { tested } from '../../build/io/opencode/versions.js'

const blockBytes = 64 * 1024
const directory = '/workspace'
let flood = { turns: 1, deltas: 1 }
/** @type {{ sessionID: string, messageID: string }[]} */
let prompts = []
/** @type {Set<import('node:http').ServerResponse>} */
const streams = new Set()
let counter = 0

process.on('message', (message) => {
  flood = /** @type {typeof flood} */ (message)
  prompts = []
  process.send?.({ isReady: true })
})
process.on('disconnect', () => process.exit())

/** Returns an id in opencode's form: 48 bits of time and counter, then random. @param {string} prefix */
function newId(prefix) {
  const time = (1_795_329_510_000 * 4096 + ++counter).toString(16).slice(-12)
  return `${prefix}_${time}${String(counter).padStart(14, 'x')}`
}

/** @param {string} type @param {object} properties */
function frame(type, properties) {
  const payload = { id: newId('evt'), type, properties }
  return `data: ${JSON.stringify({ directory, project: 'global', payload })}\n\n`
}

/**
 * Returns functions for the frames that begin an answer, add a delta, and end the answer.
 * @param {{ sessionID: string, messageID: string }} prompt
 */
function answerTo({ sessionID, messageID: parentID }) {
  const info = { id: newId('msg'), parentID, role: 'assistant', sessionID, time: { created: 1 } }
  const part = { id: newId('prt'), messageID: info.id, sessionID, type: 'text', text: '' }
  const of = { sessionID, messageID: info.id, partID: part.id, field: 'text' }
  const user = { id: parentID, role: 'user', sessionID }
  const done = { ...info, finish: 'stop', time: { created: 1, completed: 2 } }
  let streamed = ''
  return {
    begin: () =>
      frame('message.updated', { sessionID, info: user }) +
      frame('session.status', { sessionID, status: { type: 'busy' } }) +
      frame('message.updated', { sessionID, info }) +
      frame('message.part.updated', { sessionID, part }),
    /** @param {string} delta */
    delta: (delta) => {
      streamed += delta
      return frame('message.part.delta', { ...of, delta })
    },
    end: () =>
      frame('message.part.updated', {
        sessionID,
        part: { ...part, text: streamed, time: { start: 1, end: 2 } },
      }) +
      frame('message.updated', { sessionID, info: done }) +
      frame('session.status', { sessionID, status: { type: 'idle' } }) +
      frame('session.idle', { sessionID }),
  }
}

/** Returns all answers as one buffer, made before sending, so that no reader waits for the frames. */
function answersTo(/** @type {typeof prompts} */ asked) {
  const answers = asked.map(answerTo)
  const frames = answers.map(({ begin }) => begin())
  for (let i = 0; i < flood.deltas; i++)
    frames.push(answers[i % answers.length]?.delta(` word${i % 10}`) ?? '')
  for (const { end } of answers) frames.push(end())
  return Buffer.from(frames.join(''))
}

function pour() {
  const bytes = answersTo(prompts.splice(0, flood.turns))
  for (let at = 0; at < bytes.length; at += blockBytes)
    for (const stream of streams) stream.write(bytes.subarray(at, at + blockBytes))
}

/** @type {import('node:http').RequestListener} */
async function answer(request, response) {
  const { pathname } = new URL(request.url ?? '', 'http://stand-in')
  if (pathname === '/global/event') {
    streams.add(response.writeHead(200, { 'content-type': 'text/event-stream' }))
    response.on('close', () => streams.delete(response))
    response.write(frame('server.connected', {}))
    return
  }
  const body = await text(request)
  const [, sessionID] = /^\/session\/(ses_\w+)\/prompt_async$/.exec(pathname) ?? []
  if (pathname === '/tui/append-prompt')
    for (const stream of streams) stream.write(frame('tui.prompt.append', { text: '' }))
  const reply = pathname === '/session' ? { id: newId('ses'), directory } : pathname === '/tui/append-prompt'
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(pathname === '/global/health' ? { healthy: true, version: tested.to } : reply))
  if (sessionID === undefined) return
  prompts.push({ sessionID, messageID: JSON.parse(body).messageID })
  if (prompts.length === flood.turns) pour()
}

const server = createServer((request, response) => void answer(request, response))
server.listen(0, '127.0.0.1', () => process.send?.({ port: /** @type {any} */ (server.address()).port }))
