import { randomUUID } from 'node:crypto'

/** Holds on homes that live in this realm, which is one thread and one global object in it. */
interface LiveHolds {
  /** Id of the realm. Another thread of the process, or another VM context, has its own holds. */
  readonly realm: string
  readonly ids: Set<string>
}

const key = Symbol.for('opencode-runtime.live-holds')

/**
 * Returns the live holds, which all copies of the package in this realm share. A lock of this realm without a
 * live hold is free.
 */
export function liveHolds(): LiveHolds {
  const shared = Reflect.get(globalThis, key) as LiveHolds | undefined
  const holds = shared ?? { realm: randomUUID(), ids: new Set() }
  Reflect.set(globalThis, key, holds)
  return holds
}
