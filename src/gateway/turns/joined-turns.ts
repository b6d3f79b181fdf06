import { noUsage } from '../../replies.ts'
import { LiveTurn } from './live-turn.ts'
import type { LoggedTurn, TurnWriter } from './turn-log.ts'
import type { TurnSource } from './turn-source.ts'

/** Turn that runs; `undefined` for a turn that has ended. */
export interface JoinedTurn {
  live: LiveTurn | undefined
  /** Ends the use of the turn. A further call does nothing. */
  leave: () => void
}

/** Turn that another gateway has sent, with the number of its users here. */
interface Shared {
  live: LiveTurn
  users: number
  end: () => void
}

/** Turns that other gateways have sent, while requests of this gateway use them. */
export class JoinedTurns {
  readonly #source: TurnSource
  readonly #shared = new Map<string, Shared>()

  constructor(source: TurnSource) {
    this.#source = source
  }

  get(turnId: string): LiveTurn | undefined {
    return this.#shared.get(turnId)?.live
  }

  /** Follows a turn until its last user leaves. */
  async join(turn: LoggedTurn): Promise<JoinedTurn> {
    const { turnId } = turn
    const known = this.#shared.get(turnId)
    if (known) return this.#use(turnId, known)
    const handle = await this.#source.join(turn)
    if (!handle) return { live: undefined, leave: () => undefined }
    const other = this.#shared.get(turnId)
    if (other) {
      handle.leave()
      return this.#use(turnId, other)
    }
    const live = new LiveTurn(handle.turn, noWriter, noUsage(), () => undefined)
    const shared = { live, users: 0, end: handle.leave }
    this.#shared.set(turnId, shared)
    return this.#use(turnId, shared)
  }

  #use(turnId: string, shared: Shared): JoinedTurn {
    shared.users++
    let isUsed = true
    return {
      live: shared.live,
      leave: () => {
        if (!isUsed) return
        isUsed = false
        if (--shared.users > 0) return
        this.#shared.delete(turnId)
        shared.live.detach()
        shared.end()
      },
    }
  }
}

/** Writer of a turn that another process writes. */
const noWriter: TurnWriter = {
  update: () => undefined,
  push: () => undefined,
  flushed: () => Promise.resolve(),
}
