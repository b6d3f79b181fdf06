/** @import { ServerResponse } from 'node:http' */
/** @import { FakeFaults } from '../fake-faults.ts' */
/** @import { Stream, WireEvent } from './types.ts' */
import { Reordering } from './reordering.mjs'
import { newEvent } from './util.mjs'

/**
 * Events that the global stream emits twice, as in opencode: the second time as a `sync` frame.
 */
const durable = /^(session\.(created|updated|deleted)|message\.(updated|part\.updated))$/

/** Open event streams, with their faults. */
export class Streams {
  /** @type {Set<Stream>} */
  #open = new Set()
  /** @type {FakeFaults} */
  #faults
  /** @type {(() => void)[] | undefined} Writes held back while the streams are held. */
  #held
  /** @type {Reordering | undefined} */
  #reordering
  #seq = 0
  #delivered = 0
  #deaf = false

  /** @param {FakeFaults} faults */
  constructor(faults) {
    this.#faults = faults
    if (faults.reorderFrames) this.#reordering = new Reordering((about, event) => this.#deliver(about, event))
  }

  get count() {
    return this.#open.size
  }

  /**
   * Opens an event stream. A stream without a directory is the global stream.
   * @param {ServerResponse} res
   * @param {string} [directory]
   */
  open(res, directory) {
    const { heartbeatMs = 10_000, deafStreamMs = 20 } = this.#faults
    res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    /** @param {string} data @param {() => void} [sent] */
    const write = (data, sent) =>
      this.#held ? void this.#held.push(() => write(data, sent)) : void res.write(data, sent)
    /** @type {Stream['send']} */
    const send = (frame, sent) => write(`data: ${JSON.stringify(frame)}\n\n`, sent)
    /** @param {string} type */
    const own = (type) => send(directory ? newEvent(type, {}) : { payload: newEvent(type, {}) })
    const heart = setInterval(() => own('server.heartbeat'), heartbeatMs)
    const stream = { res, directory, send }
    const listen = () => !res.destroyed && this.#open.add(stream)
    res.on('close', () => {
      clearInterval(heart)
      this.#open.delete(stream)
    })
    own('server.connected')
    if (directory) listen()
    else setTimeout(listen, deafStreamMs) // the global stream loses all events until then
  }

  /**
   * Emits an event.
   * @param {string} directory
   * @param {string} type
   * @param {Record<string, unknown>} properties
   */
  emit(directory, type, properties) {
    const event = newEvent(type, properties)
    if (!ofSession(event)) void this.#send(directory, event)
    else if (this.#reordering) this.#reordering.take(directory, event)
    else this.#deliver(directory, event)
  }

  /** Destroys every stream's socket, as a broken network does. */
  cut() {
    for (const { res } of this.#open) res.socket?.destroy()
    this.#open.clear()
  }

  /** Holds every frame back. `release` sends them in one burst. */
  hold() {
    this.#held ??= []
  }

  release() {
    const held = this.#held ?? []
    this.#held = undefined
    for (const write of held) write()
  }

  /** Emits that everything was disposed of. Streams of one directory end with that event. */
  dispose() {
    for (const { directory, send, res } of this.#open) {
      if (directory) send(newEvent('server.instance.disposed', { directory }), () => res.end())
      else send({ payload: newEvent('global.disposed', {}) })
    }
  }

  /**
   * @param {string} directory
   * @param {WireEvent} event
   */
  #deliver(directory, event) {
    if (this.#deaf) return
    this.#delivered += 1
    const times = this.#faults.duplicateFrames ? 2 : 1
    const sent = Array.from({ length: times }, () => this.#send(directory, event)).flat()
    const { crashAfterEvents, cutStreamAfterEvents } = this.#faults
    if (this.#delivered === crashAfterEvents) this.#after(sent, () => crash(this.#faults))
    if (this.#delivered === cutStreamAfterEvents)
      this.#after(sent, () => {
        this.cut()
        this.#deaf = false
      })
  }

  /**
   * Sends an event to the streams concerned. Returns a promise for each frame, which resolves when the frame
   * is sent.
   * @param {string} directory
   * @param {WireEvent} event
   * @returns {Promise<void>[]}
   */
  #send(directory, event) {
    const frames = durable.test(event.type) ? [event, this.#sync(event)] : [event]
    return [...this.#open].flatMap(({ directory: own, send }) => {
      if (own === directory) return sending((sent) => send(event, sent))
      if (own !== undefined) return []
      return frames.map((payload) => sending((sent) => send({ directory, project: 'global', payload }, sent)))
    })
  }

  /** @param {WireEvent} event */
  #sync({ id, type, properties: data }) {
    const syncEvent = { id, type: `${type}.1`, seq: this.#seq++, aggregateID: data['sessionID'], data }
    return { type: 'sync', id, syncEvent }
  }

  /**
   * Calls `act` when the frames are sent. Events until then are lost.
   * @param {Promise<void>[]} sent
   * @param {() => void} act
   */
  #after(sent, act) {
    this.#deaf = true
    void Promise.all(sent).then(act)
  }
}

/**
 * Returns whether an event belongs to a session. Faults affect only such events, because a runtime may make
 * the server emit other events to test the stream.
 * @param {WireEvent} event
 */
const ofSession = ({ properties }) => properties['sessionID'] !== undefined

/**
 * @param {(sent: () => void) => void} send
 * @returns {Promise<void>}
 */
const sending = (send) => new Promise((resolve) => send(() => resolve()))

/**
 * Ends this process as a crash does.
 * @param {FakeFaults} faults
 */
export function crash({ crashWith = 1 }) {
  if (typeof crashWith === 'number') process.exit(crashWith)
  process.kill(process.pid, crashWith)
}
