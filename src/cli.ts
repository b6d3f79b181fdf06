#!/usr/bin/env node
import { Std } from './cli/std.ts'
import { packageVersion } from './package-version.ts'

const flushMs = 1_000
const [flag, ...rest] = process.argv.slice(2)
const std = new Std()

// Scripts ask for the version alone, and often: nothing else is loaded for it.
if ((flag === '--version' || flag === '-V') && rest.length === 0) {
  void std.out.write(`${packageVersion() ?? 'unknown'}\n`)
  process.exitCode = await std.finish(0)
} else await run()

/**
 * The code is set, not exited with: what is still being written to a pipe gets there first. After a signal nobody waits
 * long for a reader that has stopped reading.
 */
async function run(): Promise<void> {
  const { main } = await import('./cli/program.ts')
  const code = await main(process.argv, std)
  process.exitCode = code
  if (code > 128) setTimeout(() => process.exit(code), flushMs).unref()
}
