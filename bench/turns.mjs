// Prompt → terminal of one turn: this runtime against a bare client of the same server, interleaved in one run.
// Prints ratios; absolute times say more about the machine than about us.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OpenCodeServer } from '../dist/index.js'
import { startScriptedModel } from '../dist/testing/index.js'

const pairs = Number(process.argv[2] ?? 30)
const apiKey = 'sk-bench-0123456789'
const home = mkdtempSync(join(tmpdir(), 'opencode-runtime-bench-'))
const model = await startScriptedModel(
  [{ match: 'go', reply: { text: Array.from({ length: 50 }, () => 'word ') } }],
  {
    apiKey,
  },
)
const server = new OpenCodeServer({ home, proxy: { baseURL: model.baseURL, apiKey }, models: ['gpt-4o'] })

/** What the server itself needs: a session, its events, a prompt, and the first idle after it was busy. */
async function bareTurn({ baseURL, password }) {
  const authorization = `Basic ${Buffer.from(`opencode:${password}`).toString('base64')}`
  const headers = { authorization, 'content-type': 'application/json' }
  const directory = `directory=${encodeURIComponent(join(home, 'workspace'))}`
  const post = (path, body) =>
    fetch(`${baseURL}${path}?${directory}`, { method: 'POST', headers, body: JSON.stringify(body) })
  const events = await fetch(`${baseURL}/event?${directory}`, { headers })
  const { id } = await (await post('/session', { title: 'bench' })).json()
  const prompt = {
    model: { providerID: 'litellm', modelID: 'gpt-4o' },
    parts: [{ type: 'text', text: 'go' }],
  }
  await post(`/session/${id}/prompt_async`, prompt)
  let text = ''
  let isBusy = false
  const decoder = new TextDecoder()
  for await (const chunk of events.body) {
    text += decoder.decode(chunk, { stream: true })
    const frames = text.split('\n\n')
    text = frames.pop() ?? ''
    for (const frame of frames) {
      const { type, properties } = JSON.parse(frame.slice('data: '.length))
      if (properties.sessionID !== id) continue
      if (type === 'message.part.delta') isBusy = true
      if (type === 'session.idle' && isBusy) return
    }
  }
}

const ourTurn = async () => {
  const last = await server.turn('go').done
  if (last.kind !== 'final') throw new Error(last.error)
}

const time = async (run) => {
  const start = performance.now()
  await run()
  return performance.now() - start
}
const quantile = (values, q) => values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * q)]

try {
  const start = await time(() => server.ensureRunning())
  const first = await time(ourTurn)
  const endpoint = { baseURL: server.baseURL, password: server.password }
  await bareTurn(endpoint)
  const ratios = []
  const ours = []
  for (let i = 0; i < pairs; i++) {
    // Who goes first alternates, so that neither profits from the other's warmth.
    const order = i % 2 === 0 ? ['ours', 'bare'] : ['bare', 'ours']
    const took = {}
    for (const who of order) took[who] = await time(who === 'ours' ? ourTurn : () => bareTurn(endpoint))
    ratios.push(took.ours / took.bare)
    ours.push(took.ours)
  }
  const typical = quantile(ours, 0.5)
  console.log(`prompt → terminal, runtime / bare client, ${pairs} pairs:`)
  console.log(
    `  median ${quantile(ratios, 0.5).toFixed(2)}, quartiles ${quantile(ratios, 0.25).toFixed(2)}–${quantile(ratios, 0.75).toFixed(2)}`,
  )
  console.log(
    `spawn → healthy takes ${(start / typical).toFixed(0)} typical turns, the first turn ${(first / typical).toFixed(0)}`,
  )
} finally {
  await server.close()
  await model.stop()
  rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
}
