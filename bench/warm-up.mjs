// Measures the first turn of a server with warm-up against a server without: sent after the warm-up, and sent
// as soon as the server is healthy.
// node bench/warm-up.mjs [rounds, 5] [used | fresh]: each server in a used home, or in a new home
import { setTimeout as sleep } from 'node:timers/promises'
import { finish, interleave, quantile, ratiosOf, row, time } from './lib/measure.mjs'
import { bench } from './lib/stage.mjs'

const rounds = Number(process.argv[2] ?? 5)
const isFresh = process.argv[3] === 'fresh'

await bench(async (stage) => {
  const runtime = await stage.contender('runtime')
  const used = await stage.home()
  let warmUpMs = 0
  /**
   * Measures the first turn of a new server, and records a later turn. A server without warm-up rests as long
   * as the last warm-up took.
   */
  const measure = async (warmUp, waits) => {
    await runtime.start(stage.options(isFresh ? await stage.home() : used, { warmUp }))
    if (waits && warmUp) warmUpMs = (await time(() => runtime.warm())).wallMs
    else if (waits) await sleep(warmUpMs)
    const first = await runtime.turn()
    later.push(await runtime.turn())
    await runtime.close()
    return first
  }
  const later = []
  await measure(true, true)
  later.length = 0
  const took = await interleave(rounds, {
    off: () => measure(false, true),
    on: () => measure(true, true),
    offAtOnce: () => measure(false, false),
    onAtOnce: () => measure(true, false),
  })
  const laterTurn = quantile(later, 0.5)
  finish([
    row('first turn after the warm-up, to one without', ratiosOf(took.on, took.off), '≤ 0.5'),
    row('first turn sent at once, warm-up on to off', ratiosOf(took.onAtOnce, took.offAtOnce), '≤ 1.0'),
    row(
      'first turn after the warm-up, to a later one',
      took.on.map((ms) => ms / laterTurn),
      '≤ 3',
    ),
  ])
})
