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

  constructor(commit: () => void) {
    this.#commit = commit
  }

  /** Runs a commit as soon as the last one allows. */
  schedule(): void {
    if (this.#timer || this.#isSoon || this.#isStopped) return
    const wait = this.#earliest - performance.now()
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
    this.#earliest = performance.now() + gap
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
