// Measures prompt → terminal of one turn on one server: node bench/turns.mjs [rounds, 80]
import { finish, interleave, ratiosOf, row } from './lib/measure.mjs'
import { bench } from './lib/stage.mjs'

const rounds = Number(process.argv[2] ?? 80)

await bench(async (stage) => {
  const { runtime, bare, sdk } = await stage.oneServer()
  const took = await interleave(rounds, {
    ours: () => runtime.turn(),
    bare: () => bare.turn(),
    sdk: () => sdk.turn(),
  })
  finish([
    row('prompt → terminal of one turn, to the bare client', ratiosOf(took.ours, took.bare), '≤ 1.03'),
    row('prompt → terminal of one turn, to the SDK', ratiosOf(took.ours, took.sdk), '≤ 1.0'),
  ])
})
