#!/usr/bin/env node
import { Std } from './cli/std.ts'
import { packageVersion } from './own-package.ts'

const flushMs = 1_000
const [flag, ...rest] = process.argv.slice(2)
const std = new Std()

// `--version` alone loads nothing else, because scripts ask for the version often.
if ((flag === '--version' || flag === '-V') && rest.length === 0) {
  void std.out.write(`${packageVersion() ?? 'unknown'}\n`)
  process.exitCode = await std.finish(0)
} else await run()

/**
 * Runs the command line. Sets the exit code instead of exiting, so that pending writes to a pipe arrive.
 * After a signal, exits after `flushMs`, because the reader may have stopped reading, or an attempt to connect goes on.
 */
async function run(): Promise<void> {
  const { main } = await import('./cli/program.ts')
  const code = await main(process.argv, std)
  process.exitCode = code
  if (code > 128 || std.exits) setTimeout(() => process.exit(code), flushMs).unref()
}
