// Tools that the parts of the bench share. The parts measure ratios within one run, because absolute figures
// say more about the machine than about the runtime. Each part ends by printing its rows, as a table and as
// one line of JSON for `npm run bench`.
/**
 * @typedef {{ median: number, low: number, high: number, n: number }} Summary `low`, `high`: quartiles
 * @typedef {{ figure: string, ratio: Summary, target: string, met: boolean, note?: string }} Row
 */

/**
 * Returns the value below which the fraction `q` (0 to 1) of the values lies, interpolated if necessary.
 * Returns `NaN` if there are no values.
 * @param {readonly number[]} values
 * @param {number} q
 */
export function quantile(values, q) {
  const sorted = values.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * q
  const [low = NaN, high = NaN] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
  return low + (high - low) * (place % 1)
}

/**
 * @param {readonly number[]} ratios
 * @returns {Summary}
 */
export const summary = (ratios) => ({
  median: quantile(ratios, 0.5),
  low: quantile(ratios, 0.25),
  high: quantile(ratios, 0.75),
  n: ratios.length,
})

/**
 * Returns a row of the results. The median decides whether the target is met.
 * @param {string} figure name of the figure, with its unit if it is no ratio
 * @param {readonly number[]} ratios
 * @param {string} target `≤ 1.2` or `≥ 0.5`, with an optional remark after that
 * @param {string} [note]
 * @returns {Row}
 * @throws Error if the target has another form, or if there are no ratios
 */
export function row(figure, ratios, target, note) {
  const ratio = summary(ratios)
  return { figure, ratio, target, met: isMet(ratio.median, target), ...(note !== undefined && { note }) }
}

/** @param {number} value @param {string} target */
function isMet(value, target) {
  const [, sign, text] = /^([≤≥]) (\d+(?:\.\d+)?)/.exec(target) ?? []
  if (sign === undefined || Number.isNaN(value)) throw new Error(`nothing to compare: ${value}, ${target}`)
  return sign === '≤' ? value <= Number(text) : value >= Number(text)
}

/**
 * Prints the rows as a table, and as JSON in the last line.
 * @param {readonly Row[]} rows
 */
export function finish(rows) {
  const width = Math.max(...rows.map(({ figure }) => figure.length))
  for (const { figure, ratio, target, met, note } of rows) {
    const { median, low, high, n } = ratio
    const spread = `median ${short(median)}, quartiles ${short(low)}–${short(high)}, n ${n}`
    console.log(`${met ? 'met   ' : 'MISSED'}  ${figure.padEnd(width)}  ${spread}, target ${target}`)
    if (note !== undefined) console.log(`        ${note}`)
  }
  console.log(JSON.stringify(rows))
}

/** @param {number} value */
export const short = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2))

/** Measures wall time, and CPU time of this process, from `start` to `stop`; in ms. */
export function stopwatch() {
  let [wall, cpu] = [performance.now(), process.cpuUsage()]
  return {
    start: () => {
      ;[wall, cpu] = [performance.now(), process.cpuUsage()]
    },
    stop: () => {
      const { user, system } = process.cpuUsage(cpu)
      return { wallMs: performance.now() - wall, cpuMs: (user + system) / 1000 }
    },
  }
}

/**
 * Measures wall time, and CPU time of this process, of a run; in ms.
 * @param {() => unknown} run
 */
export async function time(run) {
  const lap = stopwatch()
  await run()
  return lap.stop()
}

/**
 * Runs each of the named measurements `rounds` times, interleaved. Each round begins with another
 * measurement, so that none profits from the others' warmth. Returns the values of each, by round.
 * @template {string} Name
 * @param {number} rounds
 * @param {Record<Name, () => Promise<number> | number>} measurements
 * @returns {Promise<Record<Name, number[]>>}
 */
export async function interleave(rounds, measurements) {
  const names = /** @type {Name[]} */ (Object.keys(measurements))
  const values = /** @type {Record<Name, number[]>} */ (Object.fromEntries(names.map((name) => [name, []])))
  for (let round = 0; round < rounds; round++) {
    const first = round % names.length
    for (const name of [...names.slice(first), ...names.slice(0, first)])
      values[name].push(await measurements[name]())
  }
  return values
}

/**
 * Returns the ratios of two lists, round by round.
 * @param {readonly number[]} values
 * @param {readonly number[]} others
 */
export const ratiosOf = (values, others) => values.map((value, i) => value / (others[i] ?? NaN))
