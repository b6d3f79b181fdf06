// Measures what a cluster costs on the real binary: two clusters of one host each, with one agent each, of which one saves
// the home before the end of each turn; and a fleet without a cluster.
// node bench/cluster-home.mjs [rounds, 40]
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { packHome, unpackHome } from '../build/io/opencode/home-archive.js'
import { connectCluster, joinCluster } from '../dist/cluster/index.js'
import { Fleet } from '../dist/index.js'
import { finish, interleave, quantile, ratiosOf, row, stopwatch } from './lib/measure.mjs'
import { bench } from './lib/stage.mjs'
import { firstDelta, whole } from './lib/turn-times.mjs'
import { testSupport } from './lib/typescript.mjs'

const rounds = Number(process.argv[2] ?? 40)
const { natsBinary, NatsServer } = await testSupport('nats-server')
const found = await natsBinary()
if ('missing' in found) throw new Error(`no nats-server: ${found.missing}`)
const nats = await NatsServer.start(found.binary)
const ends = [() => nats.stop()]

/** Starts a fleet with one agent. */
async function startFleet({ proxy, binary }, dataDir) {
  const fleet = new Fleet({ dataDir, defaults: { proxy, binary, models: ['gpt-4o'] } })
  await fleet.apply([{ id: 'a1', tenant: 'acme' }])
  ends.push(() => fleet.close())
  return fleet
}

/** Starts a cluster of one host with one agent. */
async function start(stage, save) {
  const dataDir = stage.folder()
  const fleet = await startFleet(stage, dataDir)
  const host = await joinCluster({ fleet, name: save, connect: nats.connect, homes: { save } })
  const cluster = await connectCluster({ name: save, connect: nats.connect })
  ends.push(async () => {
    await cluster.close()
    await host.close()
  })
  return { home: join(dataDir, 'a1'), turn: (text) => cluster.turn('a1', text) }
}

const plain = (path) => ({ path, user: undefined, owner: undefined })

async function wall(act) {
  const lap = stopwatch()
  await act()
  return lap.stop().wallMs
}

try {
  await bench(async (stage) => {
    const saves = await start(stage, 'before-end')
    const never = await start(stage, 'never')
    const fleet = await startFleet(stage, stage.folder())
    const alone = { turn: (text) => fleet.turn('a1', text) }
    for (let i = 0; i < 5; i++) for (const { turn } of [saves, never, alone]) await turn('go').text()
    const each = (measure, text) =>
      interleave(rounds, {
        saves: () => measure(() => saves.turn(text)),
        never: () => measure(() => never.turn(text)),
        alone: () => measure(() => alone.turn(text)),
      })
    const first = await each(firstDelta, 'short')
    const short = await each(whole, 'short')
    const atOnce = await each(whole, 'go')
    const instant = (other) => quantile(ratiosOf(atOnce.saves, other), 0.5).toFixed(2)
    const archive = await packHome(plain(saves.home), stage.binary)
    const copy = join(stage.folder(), 'a1')
    mkdirSync(copy)
    const moves = await interleave(rounds, {
      pack: () => wall(() => packHome(plain(saves.home), stage.binary)),
      unpack: () => wall(() => unpackHome(plain(copy), archive, () => Promise.resolve())),
    })
    finish([
      row(
        'prompt → first reply over a cluster / in-process, real binary',
        ratiosOf(first.never, first.alone),
        '≤ 1.2',
      ),
      row(
        'whole turn of a cluster with its home saved, to one in-process',
        ratiosOf(short.saves, short.alone),
        '≤ 1.5',
        `An answer of 60 deltas within 0.2 s. For an answer at once: ${instant(atOnce.alone)}.`,
      ),
      row(
        'whole turn of a cluster with its home saved, to one without',
        ratiosOf(short.saves, short.never),
        '≤ 1.5',
        `The same; at once: ${instant(atOnce.never)}. The archive has ${Math.round(archive.length / 1_000)} kB.`,
      ),
      row('packing of a home in use, in ms', moves.pack, '≤ 130'),
      row('unpacking of a home, in ms', moves.unpack, '≤ 65'),
    ])
    for (const end of ends.reverse()) await end()
  })
} catch (error) {
  for (const end of ends.reverse()) await end()
  throw error
}
