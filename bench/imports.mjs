// Measures the cost of importing the package, and of asking the command for its version. Compares whole
// processes, from start to end, with a process that imports only XState and RxJS, and with a process that
// does nothing.
// node bench/imports.mjs [rounds, 40]
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { finish, interleave, ratiosOf, row } from './lib/measure.mjs'

const rounds = Number(process.argv[2] ?? 40)
const root = fileURLToPath(new URL('..', import.meta.url))

/** Returns the run time of Node with these arguments, in ms. @param {string[]} args */
function node(...args) {
  const start = performance.now()
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return performance.now() - start
}

/** @param {string[]} names */
const importing = (...names) =>
  node('--input-type=module', '--eval', names.map((name) => `import ${JSON.stringify(name)}`).join('\n'))

const took = await interleave(rounds, {
  floor: () => importing('xstate', 'rxjs'),
  package: () => importing('./dist/index.js'),
  bare: () => node('--eval', ''),
  version: () => node('dist/cli.js', '--version'),
})
const rest =
  'The rest is the code of this package and the used part of zod, in a few files. The first server loads undici, execa and other modules.'
console.log(`whole processes, ${rounds} rounds:`)
finish([
  row('import of the package / of xstate and rxjs alone', ratiosOf(took.package, took.floor), '≤ 1.2', rest),
  row('opencode-runtime --version / bare Node', ratiosOf(took.version, took.bare), '≤ 1.5'),
])
