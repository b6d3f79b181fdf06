/** @import { FakeServer } from './server.mjs' */
/** @import { Message, MessageInfo, Part, Session } from './types.ts' */
import { newId } from './util.mjs'

/** Publisher of a session's facts: emits them on the event stream and stores them for message requests. */
export class Publisher {
  #server
  #session
  #directory

  /**
   * @param {FakeServer} server
   * @param {Session} session
   * @param {string} directory the working directory of the session's turn
   */
  constructor(server, session, directory) {
    this.#server = server
    this.#session = session
    this.#directory = directory
  }

  /**
   * @param {string} type
   * @param {Record<string, unknown>} [properties]
   */
  emit(type, properties = {}) {
    this.#server.streams.emit(this.#directory, type, { sessionID: this.#session.info.id, ...properties })
  }

  /** @param {MessageInfo} info */
  message(info) {
    const { messages } = this.#session
    if (!messages.some((message) => message.info.id === info.id)) messages.push({ info, parts: [] })
    this.#session.info.time.updated = Date.now()
    this.#server.store.save(this.#session)
    this.emit('message.updated', { info })
  }

  /**
   * @param {Part} fields
   * @returns {Part}
   */
  part(fields) {
    const part = { id: newId('prt'), sessionID: this.#session.info.id, ...fields }
    const message = this.#session.messages.find(({ info }) => info.id === part.messageID)
    if (message) replace(message, part)
    this.#server.store.save(this.#session)
    this.emit('message.part.updated', { part, time: Date.now() })
    return part
  }
}

/**
 * @param {Message} message
 * @param {Part} part
 */
function replace({ parts }, part) {
  const at = parts.findIndex(({ id }) => id === part.id)
  if (at < 0) parts.push(part)
  else parts[at] = part
}
