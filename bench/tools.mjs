// Measures a call of a host tool on the real opencode, from the model's call to the result at the model, to a
// call of a bare plugin's tool on the same server; and the live heap per open call.
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

/** Text of the plugin to compare with: a tool that returns at once, inside the server. */
const barePlugin = `export const Bare = async () => ({
  tool: { bare_look: { description: 'Looks.', args: ${JSON.stringify(schema.properties)}, execute: async ({ id }) => id } },
})
`

/** Writes the bare plugin into a home, and what makes opencode install no package for it. */
function writeBarePlugin(home) {
  const folder = join(home, '.config', 'opencode')
  mkdirSync(join(folder, 'plugin'), { recursive: true })
  mkdirSync(join(folder, 'node_modules'))
  writeFileSync(join(folder, 'plugin', 'bare.js'), barePlugin)
  const packages = { '': { dependencies: { '@opencode-ai/plugin': '*' } } }
  writeFileSync(
    join(folder, 'package-lock.json'),
    JSON.stringify({ name: 'bench', lockfileVersion: 3, packages }),
  )
}

/**
 * Returns a script whose model calls both tools in turn, and the times in ms from each call to its result. Calls
 * that are compared are neighbours, because the machine's load changes.
 */
function callingScript() {
  const names = ['host_look', 'bare_look']
  let times = { host_look: [], bare_look: [] }
  let [called, first] = [0, 0]
  const reply = (request) => {
    const results = request.messages.filter(({ role }) => role === 'tool').length
    if (results > 0) times[names[(results + first + 1) % 2]].push(performance.now() - called)
    if (results === 2 * callsPerTurn) return { text: 'done' }
    called = performance.now()
    return { toolCalls: [{ name: names[(results + first) % 2], args: { id: String(results) } }] }
  }
  const take = () => {
    const taken = times
    times = { host_look: [], bare_look: [] }
    first = 1 - first
    return taken
  }
  return { script: [{ match: 'go', reply }], take }
}

/** Measures the time of a call, on both kinds of tools. */
async function measureCalls() {
  const home = mkdtempSync(join(tmpdir(), 'opencode-runtime-bench-'))
  writeBarePlugin(home)
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
    const { host_look, bare_look } = take()
    if (last.kind !== 'final' || host_look.length !== callsPerTurn || bare_look.length !== callsPerTurn)
      throw new Error(`no calls: ${JSON.stringify(last)}`)
    return { ours: quantile(host_look, 0.5), bare: quantile(bare_look, 0.5) }
  }
  for (let i = 0; i < 4; i++) await turn()
  const took = { ours: [], bare: [] }
  for (let i = 0; i < rounds; i++) {
    const { ours, bare } = await turn()
    took.ours.push(ours)
    took.bare.push(bare)
  }
  await server.close()
  await model.stop()
  rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  return took
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
const took = await measureCalls()
console.log(
  `${rounds} rounds of ${callsPerTurn} calls, ${quantile(took.ours, 0.5).toFixed(1)} ms and ${quantile(took.bare, 0.5).toFixed(1)} ms at the median`,
)
finish([
  row(
    "call of a host tool, from the model's call to the result at the model, to a bare plugin's tool",
    ratiosOf(took.ours, took.bare),
    '≤ 1.1',
  ),
  row('heap per open call of a host tool, in kB', kB, '≤ 5'),
])
process.exit()
