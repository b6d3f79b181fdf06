import type { Reply, Usage } from '../../replies.ts'
import type { TurnChange, TurnWriter } from '../turns/turn-log.ts'
import { giveUp } from './commit.ts'
import type { Committer } from './committer.ts'
import { faultOf } from './faults.ts'
import type { LiveTurn } from './live-turn.ts'

/** Writer of a turn into the store. Calls after the terminal reply change nothing. */
export class StoreWriter implements TurnWriter {
  readonly #live: LiveTurn
  readonly #committer: Committer
  readonly #file: string

  constructor(live: LiveTurn, committer: Committer, file: string) {
    this.#live = live
    this.#committer = committer
    this.#file = file
  }

  update(change: TurnChange): void {
    if (this.#isEnded) return
    Object.assign(this.#live.change, change)
    this.#committer.add(this.#live)
  }

  push(reply: Reply, usage: Usage, at?: number): void {
    if (this.#isEnded) return
    if (this.#live.take(reply, usage, at)) this.#committer.add(this.#live)
    else giveUp(this.#live, faultOf('full', this.#file, 'too many replies of the turn wait to be written'))
  }

  async flushed(): Promise<void> {
    this.#live.requireStorable()
    while (this.#live.isDirty) await this.#committer.flushed()
    // The commit may have found that this turn cannot be stored.
    this.#live.requireStorable()
  }

  get #isEnded(): boolean {
    return (
      this.#live.terminal !== undefined || this.#live.fault !== undefined || this.#live.turn.state === 'done'
    )
  }
}
