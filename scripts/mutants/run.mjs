// Runs tests against a mutant.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

const command = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'scripts/mutants/vitest.config.mjs']
/** Random walks are the same ones each time, and few; a mutant that makes more and more of something ends early. */
const settings = { FC_SEED: '1', FC_RUNS: '100', NODE_OPTIONS: '--max-old-space-size=1024' }

/**
 * Runs the tests whose paths begin so, in this order, against a mutant or as all is, and answers whether they passed, and
 * else the path of the first that failed, where that is known. After `patienceMs` they failed: a mutant may go round in
 * circles.
 */
export async function run(tests, mutant, patienceMs) {
  const given = { MUTANT_TESTS: JSON.stringify(tests), ...(mutant && { MUTANT: JSON.stringify(mutant) }) }
  const child = spawn(process.execPath, [...command, '--root', '.'], {
    env: { ...process.env, ...settings, ...given },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: patienceMs,
    killSignal: 'SIGKILL',
  })
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return { isPassed: code === 0, failed: said.match(/^test\/\S+\.test\.ts$/m)?.[0] }
}
