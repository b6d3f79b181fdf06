/** @import { Body, MessageInfo, Part, Session, Status, WireError } from './types.ts' */
/** @import { FakeServer } from './server.mjs' */
import { setImmediate as tick, setTimeout as sleep } from 'node:timers/promises'
import { Calls } from './calls.mjs'
import { anyModel, countTokens, newId } from './small.mjs'
import { Telling } from './telling.mjs'

/** Between what an error says at once and the rest of it (opencode 1.18.33: 30 to 300 ms). */
const afterErrorMs = 30

/** One prompt and what comes of it. Each method says on the event stream, and stores, what opencode 1.18.33 does. */
export class Turn {
  /** @type {(reason: Error) => void} */
  #reject = () => {}
  /** @type {Promise<never>} */
  #aborting = new Promise((_, reject) => (this.#reject = reject))
  aborted = false
  /** Idle was said, or an error. */
  over = false
  /** The current assistant message has text. */
  spoken = false
  /** Before each piece of text, in ms. */
  everyMs = 0
  /** What the current assistant message costs. */
  tokens = countTokens(12, 7)
  /** @type {Promise<void>} */
  ended = Promise.resolve()
  /** @type {Part | undefined} The text or reasoning that is being said. */
  #part
  #said = ''
  /** @type {MessageInfo | undefined} */
  #info
  #told

  /**
   * @param {FakeServer} server
   * @param {Session} session
   * @param {Body} body
   * @param {string} [directory] working directory; default: the session's own
   */
  constructor(server, session, body, directory = session.info.directory) {
    this.server = server
    this.directory = directory
    this.#told = new Telling(server, session, directory)
    this.session = session
    this.body = body
    this.calls = new Calls((part) => this.#put(part))
    this.text = textOf(body.parts ?? [])
    this.messageId = body.messageID ?? newId('msg')
    this.agent = body.agent ?? 'build'
    this.model = body.model ?? anyModel
    this.#aborting.catch(() => {})
  }

  /**
   * @param {string} type
   * @param {Record<string, unknown>} [properties]
   */
  emit(type, properties) {
    this.#told.emit(type, properties)
  }

  /** @param {Part} fields */
  #put(fields) {
    return this.#told.part({ messageID: this.#info?.id, ...fields })
  }

  // Waiting: every wait ends when the turn is aborted.

  abort() {
    this.aborted = true
    this.#reject(new Error('aborted'))
  }

  /**
   * @template T
   * @param {Promise<T>} promise
   * @returns {Promise<T>}
   */
  until(promise) {
    return Promise.race([promise, this.#aborting])
  }

  /** @param {number} ms */
  async sleep(ms) {
    await this.until(ms > 0 ? sleep(ms) : tick())
  }

  /** Never resolves. */
  untilAborted() {
    return this.#aborting
  }

  // The course of a turn.

  begin() {
    this.sayPrompt()
    this.setStatus({ type: 'busy' })
    this.openMessage()
  }

  sayPrompt() {
    if (this.session.messages.some(({ info }) => info.id === this.messageId)) return // said when it was merged
    const { agent, model, messageId: id } = this
    const sessionID = this.session.info.id
    this.#told.message({ id, role: 'user', sessionID, time: { created: Date.now() }, agent, model })
    for (const part of this.body.parts ?? []) this.#put({ ...part, messageID: id })
  }

  /** @param {Status} status */
  setStatus(status) {
    this.session.status = status
    this.emit('session.status', { status })
  }

  openMessage() {
    const { agent, model, messageId: parentID } = this
    const { id: sessionID } = this.session.info
    const path = { cwd: this.directory, root: '/' }
    const spent = { cost: 0, tokens: countTokens(0, 0) }
    const time = { created: Date.now() }
    const id = newId('msg')
    this.#info = {
      id,
      parentID,
      role: 'assistant',
      mode: agent,
      agent,
      path,
      ...spent,
      ...model,
      time,
      sessionID,
    }
    this.spoken = false
    this.#told.message(this.#info)
  }

  /** The model begins to answer. */
  openStep() {
    this.#put({ type: 'step-start' })
  }

  /**
   * Streams a piece of text or reasoning; the stored part stays empty until it ends.
   * @param {string} delta
   * @param {'text' | 'reasoning'} [type]
   */
  delta(delta, type = 'text') {
    if (this.#part?.type !== type) this.#openText(type)
    if (type === 'text') this.spoken = true
    this.#said += delta
    this.emit('message.part.delta', { messageID: this.#own.id, partID: this.#part?.id, field: 'text', delta })
  }

  /**
   * @param {string} text
   * @param {'text' | 'reasoning'} [type]
   */
  async say(text, type) {
    await this.sleep(this.everyMs)
    this.delta(text, type)
  }

  /** @param {string} type */
  #openText(type) {
    this.endText()
    this.#said = ''
    this.#part = this.#put({ type, text: '', time: { start: Date.now() } })
  }

  endText() {
    const part = this.#part
    if (!part) return
    const time = { start: part.time?.start ?? Date.now(), end: Date.now() }
    this.#put({ ...part, text: this.#said, time })
    this.#part = undefined
  }

  /** The model goes on after a tool: a new assistant message with the same parent. */
  nextMessage() {
    this.#closeMessage('tool-calls')
    this.setStatus({ type: 'busy' })
    this.openMessage()
  }

  /** @param {string} finish */
  #closeMessage(finish) {
    const { tokens } = this
    this.endText()
    this.#put({ type: 'step-finish', reason: finish, tokens, cost: 0 })
    Object.assign(this.#own, { finish, tokens })
    this.#own.time.completed = Date.now()
    this.#told.message(this.#own)
    this.#told.message(this.#own) // it is told twice
  }

  finish(finish = 'stop') {
    this.#closeMessage(finish)
    if (finish !== 'tool-calls') this.setStatus({ type: 'busy' })
    this.idle()
  }

  /**
   * An error in mid-turn: idle comes twice, the message's own error in between.
   * @param {WireError} error
   */
  async fail(error) {
    this.emit('session.error', { error })
    this.idle()
    this.endText()
    this.calls.abort()
    await sleep(afterErrorMs)
    await this.closeFailed(error)
  }

  /**
   * What comes of the current message after an error, or after an abort that finds none.
   * @param {WireError} [error]
   */
  async closeFailed(error) {
    await this.calls.left()
    if (this.#info) {
      if (error) this.#info.error = error
      this.#info.time.completed = Date.now()
      this.#told.message(this.#info)
    }
    this.idle()
  }

  async endAborted() {
    if (this.over) return
    if (this.session.status?.type === 'retry') return this.closeFailed() // no error in this case
    await this.fail({ name: 'MessageAbortedError', data: { message: 'Aborted' } })
  }

  idle() {
    this.over = true
    if (this.session.next) return // a merged prompt follows: one idle for all
    this.setStatus({ type: 'idle' })
    this.emit('session.idle')
  }

  /** @returns {MessageInfo} */
  get #own() {
    if (!this.#info) throw new Error('fake opencode: a turn answers before it has begun')
    return this.#info
  }

  /** The id of the current assistant message. */
  get answerId() {
    return this.#own.id
  }
}

/** @param {Part[]} parts */
function textOf(parts) {
  const texts = parts.filter(({ type }) => type === 'text').map(({ text = '' }) => text)
  return texts.join('\n')
}
