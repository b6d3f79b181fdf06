// Measures the live heap for parts of the bench, with or without `--expose-gc`.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc')

/** Returns the live heap in bytes. Weak references and finalizers may take a few collections. */
export async function liveHeap() {
  for (let i = 0; i < 5; i++) {
    collectGarbage()
    await nextTurn()
  }
  return process.memoryUsage().heapUsed
}

/**
 * Returns the heap of one of `count` things, in kB, and the things.
 * @template T
 * @param {number} count
 * @param {(i: number) => T | Promise<T>} make
 * @returns {Promise<{ kB: number, things: T[] }>}
 */
export async function heapOf(count, make) {
  const things = /** @type {T[]} */ (new Array(count).fill(undefined))
  const before = await liveHeap()
  for (let i = 0; i < count; i++) things[i] = await make(i)
  return { kB: ((await liveHeap()) - before) / count / 1024, things }
}
