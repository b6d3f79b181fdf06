// Checks that the tests notice a change of the code that decides. Runs each mutant of these sources against
// their tests, up to the first failing test. Prints how many mutants were noticed, and names the others.
// Mutants that are argued in scripts/mutants/argued.mjs run only with --argued. Exits with 1 if any other
// mutant was not noticed.
//
//   npm run mutants -- [--jobs 2] [--argued] [--list] [src/machines/turn-actions.ts | src/machines/turn-actions.ts:42 …]
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isArgued } from './mutants/argued.mjs'
import { mutantsOf } from './mutants/list.mjs'
import { run } from './mutants/run.mjs'
import { subjects } from './mutants/subjects.mjs'

const { values: flags, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    jobs: { type: 'string', default: String(availableParallelism()) },
    argued: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
})

const isWanted = ({ file, line }) =>
  wanted.length === 0 || wanted.some((place) => place === file || place === `${file}:${line}`)
const mutants = subjects
  .flatMap(({ file, tests }) =>
    mutantsOf(file, readFileSync(file, 'utf8')).map((mutant) => ({ ...mutant, tests })),
  )
  .filter(isWanted)
const placeOf = ({ file, line, name }) => `${file}:${line}  ${name}`

if (flags.list) for (const mutant of mutants) console.log(placeOf(mutant))
else await runAll()

/** Runs all mutants, `--jobs` of them at once. */
async function runAll() {
  const suites = new Set(mutants.map(({ tests }) => tests))
  const patienceMs = 4 * (await timeOf(suites))
  const waiting = mutants.filter((mutant) => flags.argued || !isArgued(mutant))
  const survived = mutants.filter((mutant) => !waiting.includes(mutant))
  const job = async () => {
    let last
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      // The test that noticed one mutant often notices the next.
      const tests = last?.tests === mutant.tests ? [last.failed, ...mutant.tests] : mutant.tests
      const { isPassed, failed } = await run(tests, mutant, patienceMs)
      if (failed) last = { failed, tests: mutant.tests }
      if (isPassed) survived.push(mutant)
      if (isPassed !== isArgued(mutant))
        console.log(`${isPassed ? 'SURVIVED' : 'noticed'} ${placeOf(mutant)}`)
    }
  }
  await Promise.all(Array.from({ length: Number(flags.jobs) }, job))
  report(survived)
}

/** Returns the time of the slowest suite without a mutant, in ms. @throws Error if a suite fails */
async function timeOf(suites) {
  const times = []
  for (const tests of suites) {
    const begin = performance.now()
    const { isPassed, failed } = await run(tests)
    if (!isPassed) throw new Error(`Tests fail without a mutant: ${failed}`)
    times.push(performance.now() - begin)
  }
  return Math.ceil(Math.max(...times))
}

function report(survived) {
  for (const { file } of [...subjects, { file: '' }]) {
    const here = (mutant) => mutant.file.startsWith(file)
    const [all, left] = [mutants, survived].map((list) => list.filter(here))
    if (all.length > 0) console.log(scoreOf(file || 'all', all.length, left))
  }
  process.exitCode = survived.every(isArgued) ? 0 : 1
}

function scoreOf(what, all, left) {
  const noticed = all - left.length
  const argued = left.filter(isArgued).length
  const share = `${((100 * noticed) / all).toFixed(1).padStart(5)} %`
  return `${what.padEnd(28)} ${share}  ${noticed} of ${all} noticed, ${argued} argued, ${left.length - argued} open`
}
