// Contender: the official SDK, used as its documentation does: `createOpencodeServer`, and a subscription to
// the events for each turn.
import { createOpencodeClient, createOpencodeServer } from '@opencode-ai/sdk'
import { timed, turnsAtOnce } from '../lib/meter.mjs'
import { serve } from '../lib/remote.mjs'

const body = { model: { providerID: 'litellm', modelID: 'gpt-4o' }, parts: [{ type: 'text', text: 'go' }] }
let client
let server

function attach({ baseURL, username, password, directory }) {
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  client = createOpencodeClient({
    baseUrl: baseURL,
    headers: { authorization },
    directory,
    throwOnError: true,
  })
}

async function turn(onDelta = () => {}) {
  const reading = new AbortController()
  const { stream } = await client.event.subscribe({ signal: reading.signal })
  // The prompt waits until the stream is open, because events before that are lost.
  await stream.next()
  const { data } = await client.session.create({ body: { title: 'bench' } })
  await client.session.promptAsync({ path: { id: data.id }, body })
  for await (const { type, properties } of stream) {
    if (type === 'message.part.delta' && properties.sessionID === data.id) onDelta()
    if (type === 'session.idle' && properties.sessionID === data.id) break
  }
  reading.abort()
}

serve({
  attach: async (endpoint) => attach(endpoint),
  /** Measures the time to the first delta of a first turn; the environment is that of this process. */
  async firstDelta({ port, directory }) {
    const start = performance.now()
    server = await createOpencodeServer({ port, timeout: 120_000 })
    attach({
      baseURL: server.url,
      username: process.env.OPENCODE_SERVER_USERNAME,
      password: process.env.OPENCODE_SERVER_PASSWORD,
      directory,
    })
    let took
    await turn(() => (took ??= performance.now() - start))
    return took
  },
  turn: () => timed(() => turn()),
  turns: (load) => turnsAtOnce(() => turn(), load),
  close: () => server?.close(),
})
