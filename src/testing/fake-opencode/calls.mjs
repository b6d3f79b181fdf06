/** @import { Part, RunningTool, ToolOutcome } from './types.ts' */
import { newId } from './util.mjs'

/** Tool calls of a turn. */
export class Calls {
  /** @type {Set<RunningTool>} */
  #open = new Set()
  /** @type {Promise<void>[]} */
  #left = []
  #put

  /** @param {(part: Part) => Part} put */
  constructor(put) {
    this.#put = put
  }

  /**
   * Opens a call whose input is not known yet.
   * @param {string} tool
   * @param {string} [callID]
   * @returns {RunningTool}
   */
  open(tool, callID = newId('call')) {
    const state = { status: 'pending', input: {}, raw: '' }
    const part = this.#put({ type: 'tool', tool, callID, state })
    const running = { part, callID, input: {}, start: Date.now() }
    this.#open.add(running)
    return running
  }

  /**
   * Marks a call as running. Called again as the output grows.
   * @param {RunningTool} tool
   * @param {Record<string, unknown>} input
   * @param {Record<string, unknown>} [metadata]
   */
  run(tool, input, metadata) {
    tool.input = input
    const time = { start: tool.start }
    this.#set(tool, { ...(metadata && { metadata }), status: 'running', input, time })
  }

  /**
   * @param {RunningTool} tool
   * @param {ToolOutcome} outcome
   */
  end(tool, outcome) {
    const { input, start } = tool
    const time = { start, end: Date.now() }
    this.#open.delete(tool)
    if ('error' in outcome) this.#set(tool, { status: 'error', input, error: outcome.error, time })
    else
      this.#set(tool, {
        status: 'completed',
        input,
        metadata: { truncated: false },
        title: '',
        ...outcome,
        time,
      })
  }

  /**
   * Hands over a call that ends only after an abort has emitted idle.
   * @param {RunningTool} tool
   * @param {Promise<void>} ended
   */
  leave(tool, ended) {
    this.#open.delete(tool)
    this.#left.push(ended)
  }

  /** Ends all running calls with an error. */
  abort() {
    for (const tool of this.#open) this.end(tool, { error: 'Tool execution aborted' })
  }

  /** Resolves when the calls handed over by `leave` have ended. */
  async left() {
    await Promise.all(this.#left)
  }

  /**
   * @param {RunningTool} tool
   * @param {Record<string, unknown>} state
   */
  #set(tool, state) {
    tool.part = this.#put({ ...tool.part, state })
  }
}
