import { randomUUID } from 'node:crypto'

/** The holds on homes that live in this realm: one thread, and one global object of it. */
interface LiveHolds {
  /** Of the realm: another thread of the process, or another VM context, has holds of its own. */
  readonly realm: string
  readonly ids: Set<string>
}

const key = Symbol.for('opencode-runtime.live-holds')

/** The live holds, which all copies of the package in this realm share: a holder of this realm that is not among them is gone. */
export function liveHolds(): LiveHolds {
  const shared = Reflect.get(globalThis, key) as LiveHolds | undefined
  const holds = shared ?? { realm: randomUUID(), ids: new Set() }
  Reflect.set(globalThis, key, holds)
  return holds
}
