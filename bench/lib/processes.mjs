// Processes that a run may leave.
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Returns the pids of the processes that were started with this home, except watchers, whose environment is empty.
 * @param {string} home home, or a folder of homes that ends with `/`
 */
export function processesOf(home) {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`HOME=${home}`)
    } catch {
      return false
    }
  })
}

/**
 * Returns the pids of the processes that are left when they have had time to end.
 * @param {string} home home, or a folder of homes that ends with `/`
 */
export async function orphansLeft(home) {
  const until = Date.now() + 15_000
  for (;;) {
    const left = processesOf(home)
    if (left.length === 0 || Date.now() > until) return left
    await sleep(50)
  }
}
