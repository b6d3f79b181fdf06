// Builds an example against the built package, and runs it in this process until a signal ends it.
// node scripts/example.mjs <name of a folder in examples>
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

const examples = new URL('../examples/', import.meta.url)
const names = readdirSync(examples).filter((name) => existsSync(new URL(`${name}/main.ts`, examples)))
const [name = ''] = process.argv.slice(2)

if (names.includes(name)) {
  const project = fileURLToPath(new URL(`${name}/tsconfig.build.json`, examples))
  await execa('tsc', ['-p', project], { preferLocal: true, stdio: 'inherit' })
  await import(new URL(`${name}/dist/main.js`, examples).href)
} else {
  console.error(`Usage: npm run example -- <${names.join(' | ')}>`)
  process.exitCode = 2
}
