import { lockHome, type HomeLock } from '../io/home-lock.ts'

/**
 * This server's hold on its home. The lock is taken once and shared by all who need it (a preparation, a process, the
 * machine while it is at work), and let go of when the last of them has left.
 */
export class HomeHold {
  #lock: HomeLock | undefined
  #users = 0

  /** Keeps the home for as long as it is held, once somebody locks it. Returns what ends that; once is enough. */
  enter(): () => void {
    let isIn = true
    this.#users++
    return () => {
      if (!isIn) return
      isIn = false
      if (--this.#users > 0) return
      this.#lock?.release()
      this.#lock = undefined
    }
  }

  /** Takes the lock for those who entered. @throws HomeLockedError where another host has it. */
  lock(home: string): void {
    if (this.#users === 0) throw new Error('A lock that nobody holds would never be released')
    this.#lock ??= lockHome(home)
  }

  /** Does something to the home under its lock. */
  async during<T>(home: string, act: () => Promise<T>): Promise<T> {
    const leave = this.enter()
    try {
      this.lock(home)
      return await act()
    } finally {
      leave()
    }
  }
}
