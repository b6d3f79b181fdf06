/** @import { Body, MessageInfo, Part, Session, Status, WireError } from './types.ts' */
/** @import { FakeServer } from './server.mjs' */
import { setImmediate as tick, setTimeout as sleep } from 'node:timers/promises'
import { Calls } from './calls.mjs'
import { anyModel, countTokens, newId } from './util.mjs'
import { Publisher } from './publisher.mjs'

/**
 * Delay between the first events of an error and the rest, in ms.
 *
 * @remarks In opencode 30 to 300 ms.
 */
const afterErrorMs = 30

/** Turn of a fake: one prompt and its effects. Each method emits and stores what opencode does. */
export class Turn {
  /** @type {(reason: Error) => void} */
  #reject = () => {}
  /** @type {Promise<never>} */
  #aborting = new Promise((_, reject) => (this.#reject = reject))
  aborted = false
  /** `true` after idle or an error was emitted. */
  over = false
  /** `true` if the current assistant message has text. */
  hasText = false
  /** @type {unknown} Structured answer, as the model gave it. */
  structured
  /** Delay before each piece of text, in ms. */
  everyMs = 0
  /** Tokens of the current assistant message. */
  tokens = countTokens(12, 7)
  /** @type {Promise<void>} */
  ended = Promise.resolve()
  /** @type {Part | undefined} Text or reasoning part that is being streamed. */
  #part
  #streamed = ''
  /** @type {MessageInfo | undefined} */
  #info
  #publisher

  /**
   * @param {FakeServer} server
   * @param {Session} session
   * @param {Body} body
   * @param {string} [directory] working directory; default: the session's own
   */
  constructor(server, session, body, directory = session.info.directory) {
    this.server = server
    this.directory = directory
    this.#publisher = new Publisher(server, session, directory)
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
    this.#publisher.emit(type, properties)
  }

  /** @param {Part} fields */
  #put(fields) {
    return this.#publisher.part({ messageID: this.#info?.id, ...fields })
  }

  // Waits. Every wait ends when the turn is aborted.

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

  /** Waits for the abort: rejects on abort, never resolves. */
  untilAborted() {
    return this.#aborting
  }

  // The course of a turn.

  begin() {
    this.emitPrompt()
    this.setStatus({ type: 'busy' })
    this.openMessage()
  }

  emitPrompt() {
    // A merged prompt was already emitted.
    if (!this.session.messages.some(({ info }) => info.id === this.messageId)) this.addPrompt()
  }

  /** Adds the parts of the prompt to its message, as opencode does for a message that it already has. */
  addPrompt() {
    const { agent, model, messageId: id } = this
    const { format } = this.body
    const sessionID = this.session.info.id
    const time = { created: Date.now() }
    this.#publisher.message({ id, role: 'user', sessionID, time, agent, model, ...(format && { format }) })
    for (const part of this.body.parts ?? []) this.#put({ ...part, messageID: id })
  }

  /** @param {Status} status */
  setStatus(status) {
    this.session.status = status
    this.emit('session.status', { status })
  }

  /** @param {Record<string, unknown>} [fields] further fields of the message */
  openMessage(fields = {}) {
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
      ...fields,
    }
    this.hasText = false
    this.#publisher.message(this.#info)
  }

  /** Opens a step: the model begins to answer. */
  openStep() {
    this.#put({ type: 'step-start' })
  }

  /**
   * Streams a piece of text or reasoning. The stored part stays empty until the text ends.
   * @param {string} delta
   * @param {'text' | 'reasoning'} [type]
   */
  delta(delta, type = 'text') {
    if (this.#part?.type !== type) this.#openText(type)
    if (type === 'text') this.hasText = true
    this.#streamed += delta
    this.emit('message.part.delta', { messageID: this.#own.id, partID: this.#part?.id, field: 'text', delta })
  }

  /**
   * @param {string} text
   * @param {'text' | 'reasoning'} [type]
   */
  async sendText(text, type) {
    await this.sleep(this.everyMs)
    this.delta(text, type)
  }

  /** @param {string} type */
  #openText(type) {
    this.endText()
    this.#streamed = ''
    this.#part = this.#put({ type, text: '', time: { start: Date.now() } })
  }

  endText() {
    const part = this.#part
    if (!part) return
    const time = { start: part.time?.start ?? Date.now(), end: Date.now() }
    this.#put({ ...part, text: this.#streamed, time })
    this.#part = undefined
  }

  /** Opens a new assistant message with the same parent, as the model goes on after a tool. */
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
    this.#publisher.message(this.#own)
    this.#publisher.message(this.#own) // opencode emits it twice
  }

  /** Schema of the answer; `undefined` for an answer in words. */
  get schema() {
    const { format } = this.body
    return format?.type === 'json_schema' ? (format.schema ?? {}) : undefined
  }

  /**
   * Writes a summary instead of an answer.
   * @param {string} text
   * @param {boolean} auto `true` if the server compacts by itself
   */
  summarize(text, auto) {
    this.body.parts = [{ type: 'compaction', auto }]
    this.emitPrompt()
    this.setStatus({ type: 'busy' })
    this.openMessage({ summary: true, mode: 'compaction', agent: 'compaction' })
    this.openStep()
    this.delta(text)
    this.finish()
  }

  finish(finish = 'stop') {
    if (this.schema) this.#structure(finish)
    this.#closeMessage(finish)
    if (finish !== 'tool-calls') this.setStatus({ type: 'busy' })
    this.idle()
  }

  /**
   * Adds the structured answer to the message, or the error of an answer in words. Each event of the ended message
   * shows them, as opencode's do.
   * @param {string} finish
   */
  #structure(finish) {
    const data = { message: 'Model did not produce structured output', retries: 0 }
    if (this.structured !== undefined) this.#own['structured'] = this.structured
    else if (finish !== 'tool-calls') this.#own.error = { name: 'StructuredOutputError', data }
  }

  /**
   * Fails a running turn. Idle comes twice, with the message's own error in between.
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
   * Closes the current message after an error, or after an abort without an error.
   * @param {WireError} [error]
   */
  async closeFailed(error) {
    await this.calls.left()
    if (this.#info) {
      if (error) this.#info.error = error
      this.#info.time.completed = Date.now()
      this.#publisher.message(this.#info)
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
    if (!this.#info) throw new Error('fake opencode: the turn has no assistant message yet')
    return this.#info
  }

  /** Id of the current assistant message. */
  get answerId() {
    return this.#own.id
  }
}

/** @param {Part[]} parts */
function textOf(parts) {
  const texts = parts.filter(({ type }) => type === 'text').map(({ text = '' }) => text)
  return texts.join('\n')
}
