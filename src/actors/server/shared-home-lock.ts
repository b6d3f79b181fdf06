import type { HomeLock } from '../../io/home/home-lock.ts'

/**
 * Shared lock of a server's home. The lock is taken once for all users (a preparation, a process, the working
 * machine) and released when the last user leaves.
 */
export class SharedHomeLock {
  #lock: HomeLock | undefined
  #users = 0

  /**
   * Registers a user; the lock, when taken, is held until the last user leaves.
   *
   * @returns a function that removes the user; further calls do nothing
   */
  addUser(): () => void {
    let isUser = true
    this.#users++
    return () => {
      if (!isUser) return
      isUser = false
      if (--this.#users > 0) return
      this.#lock?.release()
      this.#lock = undefined
    }
  }

  /**
   * Runs `act` while the home is locked, and takes the lock by `lock` if necessary. Rejects with the error of
   * `lock` or `act`.
   */
  async withLock<T>(lock: () => HomeLock, act: () => Promise<T>): Promise<T> {
    const removeUser = this.addUser()
    try {
      this.#lock ??= lock()
      return await act()
    } finally {
      removeUser()
    }
  }
}
