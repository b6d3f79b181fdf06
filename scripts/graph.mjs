// Writes the machine's present diagram into docs/reference/lifecycle.md.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

const page = new URL('../docs/reference/lifecycle.md', import.meta.url)
const cli = new URL('../dist/cli.js', import.meta.url)
const diagram = execFileSync(process.execPath, [cli.pathname, 'graph'], { encoding: 'utf8' })
const text = readFileSync(page, 'utf8')
writeFileSync(
  page,
  text.replace(/(```mermaid\n).*?```/s, (_all, fence) => `${fence}${diagram}\`\`\``),
)
