// Measures the time from nothing to the first word of a first turn: node bench/first-delta.mjs [rounds, 12]
import { mkdirSync, symlinkSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { finish, interleave, ratiosOf, row } from './lib/measure.mjs'
import { bench } from './lib/stage.mjs'

const rounds = Number(process.argv[2] ?? 12)

await bench(async (stage) => {
  const home = await stage.home()
  // The SDK looks for `opencode` on PATH, and gives the server its own environment.
  const bin = join(stage.folder(), 'bin')
  mkdirSync(bin)
  symlinkSync(stage.binary, join(bin, 'opencode'))
  const cases = {
    // Each round has a new process, so that no code is warm. The SDK needs a new process too, because it
    // takes the server's password from its environment.
    async ours() {
      const runtime = await stage.contender('runtime')
      const took = await runtime.firstDelta(stage.options(home))
      await runtime.close()
      await runtime.end()
      return took
    },
    async sdk() {
      const { env, ...plan } = await stage.plan(home)
      const PATH = bin + delimiter + env.PATH
      const sdk = await stage.contender('sdk', { env: { ...env, PATH } })
      const took = await sdk.firstDelta(plan)
      await sdk.close()
      await sdk.end()
      return took
    },
  }
  await cases.ours()
  const took = await interleave(rounds, cases)
  finish([row('spawn → first delta of the first turn, to the SDK', ratiosOf(took.ours, took.sdk), '≤ 1.0')])
})
