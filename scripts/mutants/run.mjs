// Runs tests against a mutant.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

const command = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'scripts/mutants/vitest.config.mjs']
/**
 * Settings for repeatable and short runs: the same few random walks each time, and a heap limit, so that a
 * mutant that allocates without end fails early.
 */
const settings = { FC_SEED: '1', FC_RUNS: '100', FLEET_SEED: '1', NODE_OPTIONS: '--max-old-space-size=1024' }

/**
 * Runs the tests whose paths begin with one of `tests`, in this order, against a mutant or the unchanged
 * code.
 * Returns whether they passed, and the path of the first failing test, if known. The tests fail after
 * `patienceMs`, because a mutant may loop forever.
 */
export async function run(tests, mutant, patienceMs) {
  const given = { MUTANT_TESTS: JSON.stringify(tests), ...(mutant && { MUTANT: JSON.stringify(mutant) }) }
  const child = spawn(process.execPath, [...command, '--root', '.'], {
    env: { ...process.env, ...settings, ...given },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: patienceMs,
    killSignal: 'SIGKILL',
  })
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return { isPassed: code === 0, failed: output.match(/^test\/\S+\.test\.ts$/m)?.[0] }
}
