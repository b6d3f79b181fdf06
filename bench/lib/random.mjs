// Random draws that a seed repeats.

/**
 * Returns draws from a seed: the same seed draws the same values.
 * @param {number} seed
 */
export function randomFrom(seed) {
  const random = mulberry32(seed)
  return {
    /** Returns a number from 0 to below 1. */
    random,
    /** Returns one of the values. @template T @param {readonly T[]} list @returns {T} */
    pick: (list) => /** @type {T} */ (list[Math.floor(random() * list.length)]),
    /** Returns a whole number from 0 to below `limit`. @param {number} limit */
    below: (limit) => Math.floor(random() * limit),
  }
}

/** @param {number} from */
function mulberry32(from) {
  let state = from >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
