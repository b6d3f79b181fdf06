// What is mutated, and which tests are to notice it: those whose paths begin so.
import { readdirSync } from 'node:fs'

/** The fastest first: most mutants are noticed by many tests. */
const ofMachines = ['server-machine', 'lane', 'telemetry.server'].map((name) => `test/unit/${name}`)
const ofReducer = ['reducer.vectors', 'reducer.cases', 'reducer', 'turn'].map((name) => `test/unit/${name}`)
const machines = readdirSync('src/machines').map((name) => ({
  file: `src/machines/${name}`,
  tests: [...ofMachines, 'test/model/walks'],
}))

export const subjects = [...machines, { file: 'src/actors/reducer.ts', tests: ofReducer }]
