// What is mutated, and which tests are to notice it: those whose paths begin so.
import { readdirSync } from 'node:fs'

/** The fastest first: most mutants are noticed by many tests. */
const ofMachines = ['unit/server-machine', 'unit/lane', 'unit/telemetry.server', 'model/walks'].map(
  (name) => `test/${name}`,
)
const ofReducer = ['unit/reducer.vectors', 'unit/reducer.cases', 'unit/reducer', 'unit/turn'].map(
  (name) => `test/${name}`,
)
/** What the reducer is made of, each with the tests of its own first, where it has any. */
const parts = ['answers', 'tool-calls', 'seen-ids', 'catch-up', 'transcript'].map((name) => ({
  file: `src/actors/${name}.ts`,
  tests: [`test/unit/${name}`, ...ofReducer],
}))
const machines = readdirSync('src/machines').map((name) => ({
  file: `src/machines/${name}`,
  tests: ofMachines,
}))

export const subjects = [
  ...machines,
  { file: 'src/actors/turn/reducer/reducer.ts', tests: ofReducer },
  ...parts,
]
