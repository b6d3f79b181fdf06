// Measures the cost of turns for their host, one at a time and many at once on one server.
// node bench/load.mjs [rounds, 3]
import { finish, interleave, ratiosOf, row } from './lib/measure.mjs'
import { bench } from './lib/stage.mjs'

const rounds = Number(process.argv[2] ?? 3)
const count = 128

await bench(async (stage) => {
  const { runtime, sdk } = await stage.oneServer()
  const measured = await interleave(rounds, {
    ...Object.fromEntries(
      [1, 8, 32, 128].map((atOnce) => [`ours ${atOnce}`, () => runtime.turns({ count, atOnce })]),
    ),
    'sdk 1': () => sdk.turns({ count: 32, atOnce: 1 }),
    'sdk 32': () => sdk.turns({ count: 32, atOnce: 32 }),
  })
  const perTurn = (name, field) =>
    measured[name].map((values) => values[field] / (name.startsWith('sdk') ? 32 : count))
  const compared = (field, one, other) => ratiosOf(perTurn(one, field), perTurn(other, field))
  finish([
    row('CPU of the host per turn, 8 at once to 1', compared('cpuMs', 'ours 8', 'ours 1'), '≤ 1.3'),
    row('CPU of the host per turn, 32 at once to 1', compared('cpuMs', 'ours 32', 'ours 1'), '≤ 1.3'),
    row('CPU of the host per turn, 128 at once to 1', compared('cpuMs', 'ours 128', 'ours 1'), '≤ 1.3'),
    row('CPU of the host per turn at 32, to the SDK', compared('cpuMs', 'ours 32', 'sdk 32'), '≤ 0.5'),
    row('CPU of the host per turn at 1, to the SDK', compared('cpuMs', 'ours 1', 'sdk 1'), '≤ 1.0'),
    row('stream bytes per turn, 128 at once to 1', compared('bytes', 'ours 128', 'ours 1'), '≤ 1.1'),
    row('stream bytes per turn at 32, to the SDK', compared('bytes', 'ours 32', 'sdk 32'), '≤ 0.1'),
  ])
})
