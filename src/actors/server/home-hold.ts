import type { HomeLock } from '../../io/home/home-lock.ts'

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

  /** Does something to the home under its lock, which `lock` takes. Rejects with what that throws, or `act`. */
  async during<T>(lock: () => HomeLock, act: () => Promise<T>): Promise<T> {
    const leave = this.enter()
    try {
      this.#lock ??= lock()
      return await act()
    } finally {
      leave()
    }
  }
}
