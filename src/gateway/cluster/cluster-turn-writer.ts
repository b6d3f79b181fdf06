import { isDeepStrictEqual } from 'node:util'
import { isTerminal, type Reply, type Usage } from '../../replies.ts'
import type { TurnChange, TurnWriter } from '../turns/turn-log.ts'

/** Writer of the row of a turn that a host of the cluster runs. The host itself stores the replies. */
export class ClusterTurnWriter implements TurnWriter {
  readonly #row: TurnWriter
  readonly #lastSeq: () => number
  #usage: Usage | undefined

  /**
   * @param row - writer of the row in the store of this gateway
   * @param lastSeq - returns the number of the last reply
   */
  constructor(row: TurnWriter, lastSeq: () => number) {
    this.#row = row
    this.#lastSeq = lastSeq
  }

  update(change: TurnChange): void {
    this.#row.update(change)
  }

  push(reply: Reply, usage: Usage): void {
    if (isTerminal(reply)) {
      this.#row.update({ lastSeq: Math.max(this.#lastSeq(), 1) - 1 })
      this.#row.push(reply, usage)
    } else if (!isDeepStrictEqual(usage, this.#usage)) {
      this.#usage = usage
      this.#row.update({ usage })
    }
  }

  flushed(): Promise<void> {
    return this.#row.flushed()
  }
}
