// Measures the time until a server is healthy: node bench/start.mjs [rounds, 12]
import { finish, interleave, ratiosOf, row } from './lib/measure.mjs'
import { bench } from './lib/stage.mjs'

const rounds = Number(process.argv[2] ?? 12)

await bench(async (stage) => {
  const [runtime, bare] = [await stage.contender('runtime'), await stage.contender('bare')]
  const used = await stage.home()
  const ours = async (home) => {
    const took = await runtime.start(stage.options(home, { warmUp: false }))
    await runtime.close()
    return took
  }
  const theirs = async (how, home) => {
    const took = await bare[how](await stage.plan(home))
    await bare.stop()
    return took
  }
  await ours(used)
  const took = await interleave(rounds, {
    ours: () => ours(used),
    floor: () => theirs('start', used),
    poller: () => theirs('poll', used),
    oursFresh: async () => ours(await stage.home()),
    floorFresh: async () => theirs('start', await stage.home()),
    pollerFresh: async () => theirs('poll', await stage.home()),
  })
  finish([
    row('spawn → healthy, used home, to the floor', ratiosOf(took.ours, took.floor), '≤ 1.05'),
    row('spawn → healthy, fresh home, to the floor', ratiosOf(took.oursFresh, took.floorFresh), '≤ 1.05'),
    row('spawn → healthy, used home, to a poller', ratiosOf(took.ours, took.poller), '≤ 0.6'),
    row('spawn → healthy, fresh home, to a poller', ratiosOf(took.oursFresh, took.pollerFresh), '≤ 0.6'),
  ])
})
