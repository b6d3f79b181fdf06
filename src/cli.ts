#!/usr/bin/env node
import { main } from './cli/program.ts'

const flushMs = 1_000

// The code is set, not exited with: what is still being written to a pipe gets there first. After a signal nobody waits
// long for a reader that has stopped reading.
const code = await main(process.argv)
process.exitCode = code
if (code > 128) setTimeout(() => process.exit(code), flushMs).unref()
