import { messageOf } from '../../util/messages.ts'
import { replaceFile } from '../home/private-file.ts'
import { fleetFormat } from './fleet-folder.ts'

/** Clock of the actor system, as far as the store uses it. */
export interface StoreClock {
  setTimeout: (fn: () => void, ms: number) => unknown
  clearTimeout: (id: unknown) => void
  /** Returns a monotonic time, in ms since an arbitrary moment. */
  now: () => number
}

/** Least time between two writes, in ms. */
const intervalMs = 1_000

/**
 * Writes a fleet's status into a file, atomically and with mode 0600: at most once a second, one write at a time, and the
 * last status always. A failed write is reported, and the next status is written as usual.
 */
export class StatusWriter {
  readonly #file: string
  readonly #clock: StoreClock
  readonly #onFailure: (message: string) => void
  #next: object | undefined
  #timer: unknown
  #writing: Promise<void> | undefined
  #startedAt = -Infinity
  #isClosed = false
  #hasFailed = false

  constructor(file: string, clock: StoreClock, onFailure: (message: string) => void) {
    this.#file = file
    this.#clock = clock
    this.#onFailure = onFailure
  }

  /** Takes a status, which must not change afterwards. The status is converted to JSON when it is written. */
  write(status: object): void {
    if (this.#isClosed) return
    this.#next = status
    this.#schedule()
  }

  /** Writes the last status without waiting for the interval, and takes no further one. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#clock.clearTimeout(this.#timer)
    await this.#writing
    if (this.#next) await this.#start(this.#next)
  }

  #schedule(): void {
    if (this.#isClosed || this.#writing || this.#timer !== undefined || !this.#next) return
    const waitMs = this.#startedAt + intervalMs - this.#clock.now()
    if (waitMs <= 0) return void this.#start(this.#next)
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined
      if (this.#next) void this.#start(this.#next)
    }, waitMs)
  }

  #start(status: object): Promise<void> {
    this.#next = undefined
    this.#startedAt = this.#clock.now()
    this.#writing = this.#save(status).then(() => {
      this.#writing = undefined
      this.#schedule()
    })
    return this.#writing
  }

  async #save(status: object): Promise<void> {
    try {
      await replaceFile(this.#file, `${JSON.stringify({ format: fleetFormat, ...status })}\n`, {
        flush: false,
      })
      this.#hasFailed = false
    } catch (error) {
      // Reported once, because a full disk refuses every write.
      if (!this.#hasFailed)
        this.#onFailure(`The status of the fleet could not be written: ${messageOf(error)}`)
      this.#hasFailed = true
    }
  }
}
