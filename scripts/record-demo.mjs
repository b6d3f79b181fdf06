// Records `opencode-runtime demo` in a pseudo-terminal, as it runs, and draws docs/assets/demo.svg. Needs `script` of util-linux.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { piecesOf } from './record-demo/pieces.mjs'
import { svgOf } from './record-demo/svg.mjs'

const columns = 97
const picture = new URL('../docs/assets/demo.svg', import.meta.url)
const cli = new URL('../dist/cli.js', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'record-demo-'))
const [output, timing] = [join(folder, 'output'), join(folder, 'timing')]

/** Text before the first line: the command, typed a moment before the first output. */
const prompt = { at: 0, text: '\u001b[32m$\u001b[39m npx opencode-runtime demo\r\n' }
const firstOutput = 800

/** Returns the chunks of a recording, each with its time in ms. */
function chunksOf(bytes, times) {
  let at = firstOutput
  let from = bytes.indexOf('\n') + 1 // after the line that `script` writes
  return times.map(([seconds, length]) => {
    at += seconds * 1000
    const text = bytes.subarray(from, (from += length)).toString('utf8')
    return { at: Math.round(at), text: text.replace(home, '<temporary folder>') }
  })
}

/** Path of the demo's temporary home: of the machine, so not for the picture. */
const home = /\/\S*\/opencode-runtime-demo-\w+/

try {
  const command = `stty cols ${columns} rows 40; exec '${process.execPath}' '${cli}' demo`
  execFileSync('script', ['-qec', command, '--log-out', output, '--log-timing', timing], {
    stdio: 'inherit',
    env: { ...process.env, TERM: 'xterm-256color', CI: '', NO_COLOR: undefined },
  })
  const times = readFileSync(timing, 'utf8').trim().split('\n')
  const chunks = chunksOf(
    readFileSync(output),
    times.map((line) => line.split(' ').map(Number)),
  )
  const title = 'opencode-runtime demo: a turn on a real opencode server, supervised, with a scripted model'
  writeFileSync(picture, svgOf(piecesOf([prompt, ...chunks], columns), columns, title))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
