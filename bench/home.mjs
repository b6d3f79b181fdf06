// Measures the effect of preventing opencode's install of its plugin package in a fresh home.
// Needs the npm registry: without it the install fails, and the figures show nothing.
// node bench/home.mjs [rounds, 10]
import { lstatSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { finish, interleave, ratiosOf, row } from './lib/measure.mjs'
import { bench } from './lib/stage.mjs'

const rounds = Number(process.argv[2] ?? 10)
/** Rounds of the measurement of size: the size hardly varies, and one round takes a minute. */
const sizeRounds = 2

/** Time in ms after which the install is over and the home has its final size. */
const restMs = 60_000

/** Returns the size of all files below a folder, in MB. */
const sizeOf = (folder) =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((total, { parentPath, name }) => total + lstatSync(join(parentPath, name)).size, 0) / 1e6

await bench(async (stage) => {
  const runtime = await stage.contender('runtime')
  const fresh = async (isKept, measure) => {
    const home = await stage.home()
    // A lock file of another package manager, which opencode does not read, makes the runtime leave the
    // folder to opencode.
    if (!isKept) writeFileSync(join(home, '.config', 'opencode', 'bun.lock'), '')
    const took = await runtime.start(stage.options(home, { warmUp: false }))
    const result = await measure(home, took)
    await runtime.close()
    return result
  }
  const turns = { kept: [], installs: [] }
  const startOf = (name) =>
    fresh(name === 'kept', async (_home, took) => {
      turns[name].push(await runtime.turn())
      return took
    })
  const sizeAfter = async (home) => {
    await runtime.turn()
    await sleep(restMs)
    return sizeOf(home)
  }
  const took = await interleave(rounds, { kept: () => startOf('kept'), installs: () => startOf('installs') })
  const sizes = await interleave(sizeRounds, {
    kept: () => fresh(true, sizeAfter),
    installs: () => fresh(false, sizeAfter),
  })
  finish([
    row(
      'spawn → healthy, fresh home, install prevented to not',
      ratiosOf(took.kept, took.installs),
      '≤ 1.05',
    ),
    row(
      'first turn in a fresh home, install prevented to not',
      ratiosOf(turns.kept, turns.installs),
      '≤ 1.05',
    ),
    row('size of a home after a minute, in MB', sizes.kept, '≤ 15'),
    row(
      'size of a home after a minute, install prevented to not',
      ratiosOf(sizes.kept, sizes.installs),
      '≤ 0.2',
    ),
  ])
})
