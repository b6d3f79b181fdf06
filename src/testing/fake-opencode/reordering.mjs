/** @import { WireEvent } from './types.ts' */

/** Time that an event waits for a second event to swap with, in ms. */
const swapWaitMs = 25

/** Swaps each two neighbouring events if both orders make sense. */
export class Reordering {
  /** @type {{ directory: string, event: WireEvent } | undefined} */
  #waiting
  /** @type {NodeJS.Timeout | undefined} */
  #timer
  #emit

  /** @param {(directory: string, event: WireEvent) => void} emit */
  constructor(emit) {
    this.#emit = emit
  }

  /**
   * @param {string} directory
   * @param {WireEvent} event
   */
  take(directory, event) {
    const first = this.#waiting
    if (!first) {
      this.#waiting = { directory, event }
      this.#timer = setTimeout(() => this.#flush(), swapWaitMs)
    } else if (mayChange(first.event, event)) {
      this.#emit(directory, event)
      this.#flush()
    } else {
      this.#flush()
      this.take(directory, event)
    }
  }

  #flush() {
    clearTimeout(this.#timer)
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting) this.#emit(waiting.directory, waiting.event)
  }
}

/**
 * Returns whether two events may be swapped. Events of one message only make sense in order, as do a request
 * and its reply, and two statuses.
 * @param {WireEvent} a
 * @param {WireEvent} b
 */
function mayChange(a, b) {
  const subjects = [a, b].map(subjectOf)
  return subjects[0] !== subjects[1]
}

/** @param {WireEvent} event */
function subjectOf({ type, properties }) {
  const { info, part, messageID } = /** @type {Record<string, { id?: string, messageID?: string }>} */ (
    properties
  )
  if (type === 'message.updated') return info?.id
  if (type === 'message.part.updated') return part?.messageID
  if (type === 'message.part.delta') return messageID
  return type.split('.')[0]
}
