/** @import { Behaviour, FakeConfig } from './types.ts' */
import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { FakeServer } from './server.mjs'
import { appendLine, exit, imitatedVersion } from './util.mjs'

const anHourMs = 3_600_000

/**
 * Runs this process as a fake of the opencode binary: `--version`, or `serve --port --hostname`.
 * Imports only Node's own modules, so that the process starts in about ten ms.
 * @param {FakeConfig} config
 * @param {Behaviour} [behaviour] behaviour that no fault covers; applies with the first start's faults
 */
export async function run(config, behaviour = {}) {
  const { values, positionals } = parseArgs({
    strict: false,
    options: { port: { type: 'string' }, hostname: { type: 'string' }, version: { type: 'boolean' } },
  })
  const { faults, isFirst } = faultsOf(config, starts(config))
  if (values['version']) return void process.stdout.write(`${faults.version ?? imitatedVersion}\n`)
  if (positionals[0] !== 'serve') return exit(1, `fake opencode: unknown command ${positionals[0]}\n`)

  const port = Number(values['port'] ?? 0)
  appendLine(config.startsFile, { pid: process.pid, port, argv: process.argv.slice(2), at: Date.now() })
  // A closed reader must not end the process.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => {})
  const server = new FakeServer(config, faults, isFirst ? behaviour : {})
  endInTime(config, server)
  await server.run(port, String(values['hostname'] ?? '127.0.0.1'))
}

/**
 * Returns the number of earlier starts.
 * @param {FakeConfig} config
 */
function starts({ startsFile }) {
  if (!startsFile || !existsSync(startsFile)) return 0
  return readFileSync(startsFile, 'utf8').trim().split('\n').length
}

/**
 * @param {FakeConfig} config
 * @param {number} before
 */
function faultsOf({ faults: all = [] }, before) {
  const last = Math.max(all.length - 1, 0)
  return { faults: all[Math.min(before, last)] ?? {}, isFirst: last === 0 || before < last }
}

/**
 * Keeps the process alive, but for at most `maxLifeMs`, and ends it when the lifeline file is removed.
 * @param {FakeConfig} config
 * @param {FakeServer} server
 */
function endInTime({ maxLifeMs = anHourMs, lifeline }, server) {
  setTimeout(() => process.exit(99), maxLifeMs)
  if (!lifeline) return
  setInterval(() => {
    if (existsSync(lifeline)) return
    server.endCommands()
    process.exit(0)
  }, 100)
}
