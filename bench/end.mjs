// Measures how a server ends and restarts: node bench/end.mjs [rounds, 12]
import { setTimeout as sleep } from 'node:timers/promises'
import { finish, interleave, ratiosOf, row } from './lib/measure.mjs'
import { bench } from './lib/stage.mjs'

const rounds = Number(process.argv[2] ?? 12)

/** Time in ms until a server that has just started is idle. */
const restMs = 1_500

await bench(async (stage) => {
  const [runtime, bare] = [await stage.contender('runtime'), await stage.contender('bare')]
  const home = await stage.home()
  const options = stage.options(home, { warmUp: false, maxRestarts: 1000 })
  const stopped = []
  const cases = {
    async plain() {
      const took = await runtime.start(options)
      await sleep(restMs)
      stopped.push(await runtime.stop())
      await runtime.close()
      return took
    },
    async killed() {
      await runtime.start(options)
      const took = await runtime.kill()
      await runtime.close()
      return took
    },
    async exit() {
      await bare.start(await stage.plan(home))
      await sleep(restMs)
      return bare.stop()
    },
  }
  await cases.plain()
  stopped.length = 0
  const took = await interleave(rounds, cases)
  finish([
    row('kill -9 → healthy again, to a plain start', ratiosOf(took.killed, took.plain), '≤ 1.05'),
    row('stop of an idle server, to its own exit', ratiosOf(stopped, took.exit), '≤ 1.2'),
  ])
})
