/** Time between two updates of a page that is not visible, in ms. */
const hiddenMs = 500

/** Calls a function before the next frame, once however often it is asked for. A hidden page has no frames, but a title. */
export class FrameTask {
  readonly #run: () => void
  #cancel: (() => void) | undefined

  constructor(run: () => void) {
    this.#run = run
  }

  /** Asks for a call. */
  ask(): void {
    if (this.#cancel) return
    // A frame that was asked for does not come while the page is hidden.
    const frame = requestAnimationFrame(() => this.now())
    const timer = setTimeout(() => this.now(), hiddenMs)
    this.#cancel = () => {
      cancelAnimationFrame(frame)
      clearTimeout(timer)
    }
  }

  /** Calls the function now, if a call was asked for. */
  now(): void {
    if (!this.#cancel) return
    this.stop()
    this.#run()
  }

  /** Drops a call that was asked for. */
  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}
