#!/usr/bin/env node
import { main } from './cli/program.ts'

// The code is set, not exited with: what is still being written to a pipe gets there first.
process.exitCode = await main(process.argv)
