// Measures a call of a host tool on the real opencode, from the model's call to the result at the model, to a
// call of a bare plugin's tool on the same server that asks another process too; and the live heap per open call.
// Two more tools of the bare plugin tell how much of that time is opencode's own. A tool that returns at once
// ends within the same turn of opencode's event loop. A tool that waits for one turn of the loop does nothing
// either, and costs most of what a tool costs that asks another process: opencode sends its events, and collects
// garbage, before it goes on.
// node bench/tools.mjs [rounds, 40]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hostTool, OpenCodeServer } from '../dist/index.js'
import { startScriptedModel } from '../dist/testing/index.js'
import { clockOf } from '../build/actors/clock.js'
import { HostCalls } from '../build/actors/server/host-calls.js'
import { compileOptions } from '../build/config/options.js'
import { openHostEndpoint } from '../build/io/opencode/host-endpoint.js'
import { liveHeap } from './lib/heap.mjs'
import { finish, quantile, ratiosOf, row } from './lib/measure.mjs'
import { contender } from './lib/remote.mjs'

const rounds = Number(process.argv[2] ?? 40)
/** Calls of each tool in one turn, one after another. */
const callsPerTurn = 10
const openCalls = 500
const apiKey = 'sk-bench-0123456789'
const schema = { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] }

/**
 * Returns the text of the plugin to compare with. Its tools return what they get: at once, a turn of the event
 * loop later, or from an echo.
 */
const barePlugin = (port) => `import { connect } from 'node:net'
let socket
const tool = (execute) => ({ description: 'Looks.', args: ${JSON.stringify(schema.properties)}, execute })
export const Bare = async () => ({
  tool: {
    bare_now: tool(async ({ id }) => id),
    bare_wait: tool(async ({ id }) => {
      await new Promise((resolve) => setImmediate(resolve))
      return id
    }),
    bare_ask: tool(async ({ id }) => {
      socket ??= connect(${port}, '127.0.0.1').setNoDelay(true)
      const answer = new Promise((resolve) => socket.once('data', resolve))
      socket.write(id)
      return String(await answer)
    }),
  },
})
`

/** Writes the bare plugin into a home, and what makes opencode install no package for it. */
function writeBarePlugin(home, port) {
  const folder = join(home, '.config', 'opencode')
  mkdirSync(join(folder, 'plugin'), { recursive: true })
  mkdirSync(join(folder, 'node_modules'))
  writeFileSync(join(folder, 'plugin', 'bare.js'), barePlugin(port))
  const packages = { '': { dependencies: { '@opencode-ai/plugin': '*' } } }
  writeFileSync(
    join(folder, 'package-lock.json'),
    JSON.stringify({ name: 'bench', lockfileVersion: 3, packages }),
  )
}

const names = ['host_look', 'bare_ask', 'bare_wait', 'bare_now']

/**
 * Returns a script whose model calls the tools in turn, and the times in ms from each call to its result. Calls
 * that are compared are neighbours, because the machine's load changes.
 */
function callingScript() {
  const times = Object.fromEntries(names.map((name) => [name, []]))
  let [called, first] = [0, 0]
  const reply = (request) => {
    const results = request.messages.filter(({ role }) => role === 'tool').length
    const nameAt = (step) => names[(step + first) % names.length]
    if (results > 0) times[nameAt(results - 1)].push(performance.now() - called)
    if (results === names.length * callsPerTurn) return { text: 'done' }
    called = performance.now()
    return { toolCalls: [{ name: nameAt(results), args: { id: String(results) } }] }
  }
  const take = () => {
    first++
    return Object.fromEntries(names.map((name) => [name, quantile(times[name].splice(0), 0.5)]))
  }
  return { script: [{ match: 'go', reply }], take }
}

/** Measures the time of a call, on both kinds of tools. */
async function measureCalls() {
  const home = mkdtempSync(join(tmpdir(), 'opencode-runtime-bench-'))
  const echo = await contender(new URL('lib/echo.mjs', import.meta.url))
  writeBarePlugin(home, await echo.listen())
  const { script, take } = callingScript()
  const model = await startScriptedModel(script, { apiKey })
  const server = new OpenCodeServer({
    home,
    proxy: { baseURL: model.baseURL, apiKey },
    models: ['gpt-4o'],
    hostTools: { look: hostTool({ description: 'Looks.', input: schema, execute: ({ id }) => id }) },
  })
  const turn = async () => {
    const last = await server.turn('go').done
    if (last.kind !== 'final') throw new Error(last.error)
    return take()
  }
  for (let i = 0; i < 4; i++) await turn()
  const took = []
  for (let i = 0; i < rounds; i++) took.push(await turn())
  await server.close()
  await model.stop()
  await echo.end()
  rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  const of = (name) => took.map((times) => times[name])
  return { host: of('host_look'), ask: of('bare_ask'), wait: of('bare_wait'), now: of('bare_now') }
}

/** Measures the live heap in kB of one of many open calls. */
async function measureHeap() {
  let open = 0
  const hang = hostTool({
    ...{ description: 'Hangs.', input: schema },
    execute: () => {
      open++
      return new Promise(() => {})
    },
  })
  const proxy = { baseURL: 'http://127.0.0.1:9/v1', apiKey }
  const options = compileOptions({ home: '/srv/bench', proxy, models: ['m'], hostTools: { hang } })
  const calls = new HostCalls(options, clockOf({ _clock: { setTimeout, clearTimeout } }), () => {})
  const endpoint = await openHostEndpoint(calls.answer)
  const caller = await contender(new URL('lib/caller.mjs', import.meta.url))
  await caller.connect({ port: endpoint.port, token: endpoint.token })
  const turn = calls.follow({
    ...{ id: 'turn', traceId: null, context: undefined, sessionId: 'ses' },
    isHidden: () => false,
    callIdOf: (part) => part.tool.callId,
  })
  const make = async (from) => {
    const places = Array.from({ length: openCalls }, (_, i) => `${from + i}`)
    for (const id of places) turn.onEvent(running(id))
    const sent = places.map((callID, i) => ({
      ...{ id: from + i, sessionID: 'ses', messageID: 'msg', callID, tool: 'hang' },
      args: { id: callID },
    }))
    await caller.send(sent)
    while (open < from + openCalls) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await make(0)
  const kB = []
  for (let round = 1; round <= 5; round++) {
    const before = await liveHeap()
    await make(round * openCalls)
    kB.push(((await liveHeap()) - before) / openCalls / 1024)
  }
  endpoint.close()
  await caller.end()
  return kB
}

const running = (callID) => ({
  type: 'message.part.updated',
  properties: {
    part: {
      ...{ id: `prt_${callID}`, sessionID: 'ses', messageID: 'msg', type: 'tool', tool: 'host_hang', callID },
      state: { status: 'running', input: { id: callID } },
    },
  },
})

const kB = await measureHeap()
const { host, ask, wait, now } = await measureCalls()
const all = [host, ask, wait, now].map((times) => quantile(times, 0.5).toFixed(1))
const toNow = (times) => quantile(ratiosOf(times, now), 0.5).toFixed(2)
console.log(
  `${rounds} rounds of ${callsPerTurn} calls each; host tool, asking, waiting, immediate tool: ${all.join(', ')} ms`,
)
finish([
  row(
    "call of a host tool, from the model's call to the result at the model, to a bare plugin's tool that asks another process",
    ratiosOf(host, ask),
    '≤ 1.1',
    `To a bare plugin's tool that returns at once: ${toNow(host)}; of that tool, one that waits for a turn of opencode's event loop takes ${toNow(wait)}, and the one that asks ${toNow(ask)}.`,
  ),
  row('heap per open call of a host tool, in kB', kB, '≤ 5'),
])
process.exit()
