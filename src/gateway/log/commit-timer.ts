/** Shortest time between two commits, in ms: replies of this time share a commit. */
const shortestGapMs = 5
/** Commits take at most a fifth of the thread: a commit of 4 ms is followed by 16 ms without one. */
const gapPerCommit = 4
/** Time after which a failed commit is tried again, in ms. */
const retryMs = 1_000

/** Decides when the next commit runs. The first commit after a pause runs in the same turn of the event loop. */
export class CommitTimer {
  readonly #commit: () => void
  #timer: NodeJS.Timeout | undefined
  #isSoon = false
  #isStopped = false
  #earliest = 0
  /** Earliest time of a commit that a caller waits for. */
  #earliestUrgent = 0

  constructor(commit: () => void) {
    this.#commit = commit
  }

  /**
   * Runs a commit as soon as the last one allows.
   *
   * @param isUrgent - true if a caller waits for the commit: it then waits only as long as the last commit took
   */
  schedule(isUrgent: boolean): void {
    if (this.#isSoon || this.#isStopped || (this.#timer && !isUrgent)) return
    const wait = (isUrgent ? this.#earliestUrgent : this.#earliest) - performance.now()
    clearTimeout(this.#timer)
    if (wait <= 0) this.now()
    else this.#timer = setTimeout(() => this.#run(), wait)
  }

  /** Runs a commit at the end of this turn of the event loop. */
  now(): void {
    if (this.#isSoon) return
    this.#isSoon = true
    setImmediate(() => this.#run())
  }

  /** Tells how long a commit took, in ms, or that it failed. */
  ended(tookMs: number | 'failed'): void {
    const gap = tookMs === 'failed' ? retryMs : Math.max(shortestGapMs, gapPerCommit * tookMs)
    const now = performance.now()
    this.#earliest = now + gap
    this.#earliestUrgent = now + (tookMs === 'failed' ? retryMs : tookMs)
  }

  /** Runs no further commit. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  #run(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#isSoon = false
    if (!this.#isStopped) this.#commit()
  }
}
