// Updates the machine's diagram in the README.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

const readme = new URL('../README.md', import.meta.url)
const cli = new URL('../dist/cli.js', import.meta.url)
const diagram = execFileSync(process.execPath, [cli.pathname, 'graph'], { encoding: 'utf8' })
const text = readFileSync(readme, 'utf8')
writeFileSync(
  readme,
  text.replace(/(```mermaid\n).*?```/s, (_all, fence) => `${fence}${diagram}\`\`\``),
)
