// Whether the tests would notice a change of what decides: each mutant of these sources is run against their tests, up to
// the first that fails. Prints how many were noticed, and names the others. Exits 1 where one of these is not argued in
// scripts/mutants/argued.mjs.
//
//   npm run mutants -- [--jobs 2] [--list] [src/machines/turns.ts | src/machines/turns.ts:42 …]
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { argued } from './mutants/argued.mjs'
import { mutantsOf } from './mutants/list.mjs'
import { run } from './mutants/run.mjs'

const { values: flags, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    jobs: { type: 'string', default: String(availableParallelism()) },
    list: { type: 'boolean', default: false },
  },
})

/** The fastest first: most mutants are noticed by many tests. */
const ofMachines = [
  'test/unit/server-machine',
  'test/unit/lane',
  'test/unit/telemetry.server',
  'test/unit/turn',
  'test/model/walks',
  'test/model/lifecycle',
]
const ofReducer = ['test/unit/reducer', 'test/unit/turn', 'test/unit/stall-watch', 'test/unit/replay']
const machines = readdirSync('src/machines').map((name) => ({
  file: `src/machines/${name}`,
  tests: ofMachines,
}))
const subjects = [...machines, { file: 'src/actors/reducer.ts', tests: ofReducer }]

const isWanted = ({ file, line }) =>
  wanted.length === 0 || wanted.some((place) => place === file || place === `${file}:${line}`)
const mutants = subjects
  .flatMap(({ file, tests }) =>
    mutantsOf(file, readFileSync(file, 'utf8')).map((mutant) => ({ ...mutant, tests })),
  )
  .filter(isWanted)
const told = ({ file, line, name }) => `${file}:${line}  ${name}`

if (flags.list) for (const mutant of mutants) console.log(told(mutant))
else await runAll()

/** As many at once as there are jobs. */
async function runAll() {
  const patienceMs = 4 * (await timeOf(new Set(mutants.map(({ tests }) => tests))))
  const waiting = [...mutants]
  const survived = []
  const job = async () => {
    let last
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      // What noticed one mutant often notices the next.
      const tests = last?.tests === mutant.tests ? [last.failed, ...mutant.tests] : mutant.tests
      const { isPassed, failed } = await run(tests, mutant, patienceMs)
      if (failed) last = { failed, tests: mutant.tests }
      if (!isPassed) continue
      survived.push(mutant)
      console.log(`${reasonOf(mutant) ? 'argued  ' : 'SURVIVED'} ${told(mutant)}`)
    }
  }
  await Promise.all(Array.from({ length: Number(flags.jobs) }, job))
  report(survived)
}

/** How long the tests take at most as they are, in ms; they have to pass. */
async function timeOf(suites) {
  const times = []
  for (const tests of suites) {
    const begin = performance.now()
    const { isPassed, failed } = await run(tests)
    if (!isPassed) throw new Error(`Without a mutant these fail: ${failed}`)
    times.push(performance.now() - begin)
  }
  return Math.ceil(Math.max(...times))
}

/** Why a mutant need not be noticed. */
function reasonOf({ file, name }) {
  return argued.find((entry) => file.endsWith(entry.file) && entry.names.test(name))?.why
}

function report(survived) {
  const unargued = survived.filter((mutant) => !reasonOf(mutant))
  for (const { file } of [...subjects, { file: '' }]) {
    const here = ({ file: other }) => other.startsWith(file)
    const [all, left, open] = [mutants, survived, unargued].map((list) => list.filter(here).length)
    if (all > 0) console.log(scoreOf(file || 'all', all, left, open))
  }
  process.exitCode = unargued.length === 0 ? 0 : 1
}

const scoreOf = (what, all, left, open) =>
  `${what.padEnd(28)} ${((100 * (all - left)) / all).toFixed(1).padStart(5)} %  ` +
  `${all - left} of ${all} noticed, ${left - open} argued, ${open} open`
