// Processes that a run may leave.
import { readdirSync, readFileSync } from 'node:fs'

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
