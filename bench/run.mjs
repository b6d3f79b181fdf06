// Measures all figures in one run: `npm run bench`; or the figures of some parts:
// `npm run bench -- start turns`.
// A run of all parts writes bench/results.md. Exits with 1 if a part fails. A missed target is reported but
// is not a failure, because the machine may have been busy.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { short } from './lib/measure.mjs'

const parts = [
  'start',
  'home',
  'first-delta',
  'warm-up',
  'turns',
  'load',
  'deltas',
  'share',
  'tools',
  'end',
  'heap',
  'machines',
  'admission',
  'fleet',
  'gateway-log',
  'gateway',
  'cluster-home',
  'view',
  'cluster',
  'imports',
]
const chosen = process.argv.slice(2)
const rows = []
for (const part of chosen.length > 0 ? chosen : parts) rows.push(...(await run(part)))
if (chosen.length === 0) writeFileSync(new URL('results.md', import.meta.url), report(rows))

/** Runs a part in its own process, prints its output, and returns its rows. */
async function run(part) {
  console.log(`\n${part}`)
  const file = new URL(`${part}.mjs`, import.meta.url).pathname
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text) => (printed += text))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`bench/${part}.mjs exited with ${code}`)
  const lines = printed.trimEnd().split('\n')
  const last = lines.pop()
  console.log(lines.join('\n'))
  return JSON.parse(last)
}

function report(rows) {
  const missed = rows.filter(({ met }) => !met).length
  return `# Results of the last \`npm run bench\`

${rows.length - missed} of ${rows.length} targets met. Each figure is a ratio of two measurements that alternate within one run, unless the figure names a unit.
The columns show the median, the quartiles and the number of measurements. The files \`bench/*.mjs\` describe the compared parts.

| figure | median | quartiles | n | target | |
|---|---|---|---|---|---|
${rows.map(line).join('\n')}

${machine()}
`
}

function line({ figure, ratio: { median, low, high, n }, target, met, note }) {
  const what = note === undefined ? figure : `${figure}<br>${note}`
  return `| ${what} | ${short(median)} | ${short(low)}–${short(high)} | ${n} | ${target} | ${met ? 'met' : '**missed**'} |`
}

function machine() {
  const versionOf = (name) => {
    const file = new URL(`../node_modules/${name}/package.json`, import.meta.url)
    return `${name} ${JSON.parse(readFileSync(file, 'utf8')).version}`
  }
  const packages = ['opencode-ai', '@opencode-ai/sdk', 'xstate', 'rxjs', 'undici'].map(versionOf)
  const [cpu] = cpus()
  return `${new Date().toISOString().slice(0, 10)}; Node ${process.version}, ${packages.join(', ')}; ${process.platform} ${process.arch}, \
${cpus().length} cores (${cpu?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, shared with others.`
}
