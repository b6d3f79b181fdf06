import { randomUUID } from 'node:crypto'

/** The holds on homes that live in this realm: one thread, and one global object of it. */
interface LiveHolds {
  /** Id of the realm: another thread of the process, or another VM context, has holds of its own. */
  readonly realm: string
  readonly ids: Set<string>
}

const key = Symbol.for('opencode-runtime.live-holds')

/** The live holds, shared by all copies of the package in this realm: a lock of this realm without a live hold is free. */
export function liveHolds(): LiveHolds {
  const shared = Reflect.get(globalThis, key) as LiveHolds | undefined
  const holds = shared ?? { realm: randomUUID(), ids: new Set() }
  Reflect.set(globalThis, key, holds)
  return holds
}
