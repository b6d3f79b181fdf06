// Sources to mutate, each with the tests that must notice the mutants, by the beginning of their paths.
import { readdirSync } from 'node:fs'

/** Tests of the machines, the fastest first, because many tests notice most mutants. */
const ofMachines = [
  'test/unit/machines/server-machine',
  'test/unit/actors/turn/conversation',
  'test/unit/telemetry/telemetry.server',
  'test/model/walks',
]
const reducer = 'actors/turn/reducer'
const ofReducer = ['vectors', 'cases', '']
  .map((part) => `test/unit/${reducer}/reducer.${part}`)
  .concat('test/unit/actors/turn/turn')
/** Parts of the reducer, each with its own tests first, if there are any. */
const parts = [
  ...['answers', 'ending', 'resync', 'tool-calls', 'transcript', 'turn-events', 'turn-scope'].map(
    (name) => `${reducer}/${name}`,
  ),
  'actors/server/seen-ids',
].map((name) => ({ file: `src/${name}.ts`, tests: [`test/unit/${name}`, ...ofReducer] }))
/**
 * Returns whether a file is of the machine of a fleet or its order of turns, which have tests of their own.
 * @param {string} name
 */
const isOfFleet = (name) => name.startsWith('fair-queue') || name === 'fleet'
const machines = readdirSync('src/machines')
  .filter((name) => !isOfFleet(name))
  .map((name) => ({ file: `src/machines/${name}`, tests: ofMachines }))

/** Tests of the order of turns. */
const ofQueue = ['test/unit/machines/fair-queue/']
/** Tests of the decisions of a fleet, the fastest first. */
const ofFleet = ['test/unit/machines/fleet/decisions', 'test/unit/machines/fleet/', 'test/model/fleet-walks']
const queue = [
  'fair-queue.ts',
  ...readdirSync('src/machines/fair-queue').map((name) => `fair-queue/${name}`),
].map((name) => ({ file: `src/machines/${name}`, tests: ofQueue }))
const fleet = readdirSync('src/machines/fleet').map((name) => ({
  file: `src/machines/fleet/${name}`,
  tests: ofFleet,
}))

export const subjects = [
  ...machines,
  ...queue,
  ...fleet,
  { file: `src/${reducer}/reducer.ts`, tests: ofReducer },
  ...parts,
]
