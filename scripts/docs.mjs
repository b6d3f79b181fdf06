// Builds the docs site into site/.vitepress/dist, or serves it: `npm run docs`, `npm run docs -- dev`, `npm run docs -- preview`.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('..', import.meta.url))
const site = fileURLToPath(new URL('../site/', import.meta.url))
const isWindows = process.platform === 'win32'
const run = (program, ...args) =>
  execFileSync(program, args, { cwd: site, stdio: 'inherit', shell: isWindows })

/** Returns the names and versions that a lockfile lists; npm keeps a copy of what is installed. */
function locked(file) {
  if (!existsSync(file)) return ''
  const { packages } = JSON.parse(readFileSync(file, 'utf8'))
  return Object.entries(packages).flatMap(([path, { version, optional }]) =>
    path === '' || optional ? [] : [`${path}@${version}`],
  )
}

const isInstalled =
  String(locked(`${site}node_modules/.package-lock.json`)) === String(locked(`${site}package-lock.json`))
if (!existsSync(`${repository}node_modules/typescript`)) throw new Error('run `npm ci` first')
if (!isInstalled) run('npm', 'ci')

const [command = 'build', ...rest] = process.argv.slice(2)
// The API reference comes from the docstrings of src.
if (command !== 'preview') run('npx', 'typedoc')
run('npx', 'vitepress', command, ...rest)
if (command === 'build') run('node', 'lib/check.mjs')
