// Runs the unit tests on every Node version that the package supports, each fetched from the npm registry.
import { spawnSync } from 'node:child_process'

const versions = process.argv.length > 2 ? process.argv.slice(2) : ['20.19.0', '22', '24', '26']
const vitest = ['node', 'node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', '--reporter', 'dot']
const failed = []
for (const version of versions) {
  console.log(`\n— Node ${version}`)
  const { status } = spawnSync('npx', ['-y', '-p', `node@${version}`, '--', ...vitest], { stdio: 'inherit' })
  if (status !== 0) failed.push(version)
}
console.log(
  failed.length === 0 ? `\nall passed: ${versions.join(', ')}` : `\nfailed on: ${failed.join(', ')}`,
)
process.exitCode = failed.length === 0 ? 0 : 1
