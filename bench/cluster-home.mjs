// Measures the cost of saving the home of an agent before the end of each turn, on the real binary: two clusters of one
// host each, with one agent each, of which one saves. Needs nats-server; without one, nothing is measured.
// node bench/cluster-home.mjs [rounds, 40]
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { packHome, unpackHome } from '../build/io/opencode/home-archive.js'
import { connectCluster, joinCluster } from '../dist/cluster/index.js'
import { Fleet } from '../dist/index.js'
import { finish, interleave, ratiosOf, row, stopwatch } from './lib/measure.mjs'
import { startNats } from './lib/nats.mjs'
import { bench } from './lib/stage.mjs'

const rounds = Number(process.argv[2] ?? 40)
const nats = await startNats()
if (!nats) {
  console.log('no nats-server on this machine: nothing was measured')
  finish([])
  process.exit(0)
}
const connection = () => connect({ servers: nats.servers })
const ends = [() => nats.stop()]

/** Starts a cluster of one host with one agent. */
async function start(stage, save) {
  const dataDir = stage.folder()
  const { proxy, binary } = stage
  const fleet = new Fleet({ dataDir, defaults: { proxy, binary, models: ['gpt-4o'] } })
  await fleet.apply([{ id: 'a1', tenant: 'acme' }])
  const host = await joinCluster({ fleet, name: save, connect: connection, homes: { save } })
  const cluster = await connectCluster({ name: save, connect: connection })
  ends.push(async () => {
    await cluster.close()
    await host.close()
    await fleet.close()
  })
  const turn = async () => {
    const lap = stopwatch()
    const reply = await cluster.turn('a1', 'go').done
    if (reply.kind !== 'final') throw new Error(reply.error)
    return lap.stop().wallMs
  }
  return { home: join(dataDir, 'a1'), turn }
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
    for (let i = 0; i < 5; i++) for (const { turn } of [saves, never]) await turn()
    const turns = await interleave(rounds, { saves: saves.turn, never: never.turn })
    const archive = await packHome(plain(saves.home), stage.binary)
    const copy = join(stage.folder(), 'a1')
    mkdirSync(copy)
    const moves = await interleave(rounds, {
      pack: () => wall(() => packHome(plain(saves.home), stage.binary)),
      unpack: () => wall(() => unpackHome(plain(copy), archive, () => Promise.resolve())),
    })
    finish([
      row(
        'whole turn of a cluster with its home saved, to one without',
        ratiosOf(turns.saves, turns.never),
        '≤ 1.5',
        `a turn of 50 deltas that come at once, so that the model takes no time; the archive has ${Math.round(archive.length / 1_000)} kB`,
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
