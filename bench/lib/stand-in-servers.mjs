// Server machines with a stand-in for every actor except turns. The bench then measures only our code, and
// uses no process, socket or file.
import { createActor, fromCallback, fromPromise, waitFor } from 'xstate'
import { SessionEventRouter } from '../../build/actors/server/session-event-router.js'
import { runtimeOf } from '../../build/actors/runtime.js'
import { compileOptions, serverMachine } from '../../build/index.js'
import { tested } from '../../build/io/opencode/versions.js'

/** Stand-in for opencode's API, as far as a turn uses it. Prompts wait until they are answered. */
class StandInClient {
  /** @type {{ sessionID: string, messageID: string }[]} */
  prompts = []
  #sessions = 0
  /** @type {() => void} */
  #onPrompt = () => undefined

  createSession() {
    return Promise.resolve({ id: `ses_${++this.#sessions}`, directory: '/work' })
  }

  /** @param {string} sessionID @param {string} _directory @param {{ messageId: string }} prompt */
  prompt(sessionID, _directory, { messageId: messageID }) {
    this.prompts.push({ sessionID, messageID })
    this.#onPrompt()
    return Promise.resolve()
  }

  /** Returns the next prompt that is not answered yet. Only one caller may wait. */
  async nextPrompt() {
    if (this.prompts.length === 0) await new Promise((resolve) => (this.#onPrompt = () => resolve(undefined)))
    const prompt = this.prompts.pop()
    if (!prompt) throw new Error('the prompt was taken by another caller')
    return prompt
  }

  abort() {
    return Promise.resolve()
  }

  status() {
    return Promise.resolve({})
  }
}

/** Directory policy that allows every directory as given. */
const anywhere = {
  base: undefined,
  /** @param {{ directory: string }} named */
  resolve: ({ directory }) => Promise.resolve(directory),
  isSame: () => Promise.resolve(true),
}

const nothing = fromPromise(() => Promise.resolve(undefined))
const machine = serverMachine.provide({
  actors: {
    home: fromCallback(() => undefined),
    prepare: fromPromise(({ input: { runtime } }) => {
      const connection = {
        client: new StandInClient(),
        router: new SessionEventRouter(() => performance.now()),
      }
      runtimeOf(runtime).connection = /** @type {any} */ ({
        ...connection,
        policy: anywhere,
        directory: '/work',
      })
      return Promise.resolve({ baseURL: 'http://127.0.0.1:4096' })
    }),
    serverProcess: fromCallback(({ sendBack }) => {
      sendBack({ type: 'process.spawned', pid: 1 })
      sendBack({ type: 'process.listening' })
    }),
    probe: fromPromise(() => Promise.resolve({ version: tested.to })),
    events: fromCallback(({ input: { runtime }, sendBack }) => {
      runtimeOf(runtime).connection?.router.opened()
      sendBack({ type: 'stream.opened' })
    }),
    memory: fromPromise(() => Promise.resolve({ residentMb: undefined })),
    dispose: nothing,
    sweep: fromPromise(() => Promise.resolve({ left: 0 })),
    warmUp: nothing,
  },
})

/** Returns a started and idle actor of a server machine. @param {object} [options] more options */
export function idleServer(options = {}) {
  const input = compileOptions({
    home: '/srv/agents/a1',
    proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'sk-bench-0123456789' },
    models: ['gpt-4o'],
    ...options,
  })
  return createActor(machine, { input }).start()
}

/** Returns a healthy actor of a server machine. @param {object} [options] more options */
export async function healthyServer(options) {
  const actor = idleServer(options)
  actor.send({ type: 'server.start' })
  await waitFor(actor, (snapshot) => snapshot.matches({ healthy: { warmUp: 'done' } }))
  return actor
}

/** Returns the client and the router of a healthy server. @param {ReturnType<typeof idleServer>} actor */
export function worldOf(actor) {
  const { connection } = runtimeOf(actor.getSnapshot().context.runtime)
  if (!connection) throw new Error('the server is not healthy')
  return {
    client: /** @type {StandInClient} */ (/** @type {unknown} */ (connection.client)),
    router: connection.router,
  }
}

let ids = 0
const newId = (/** @type {string} */ prefix) => `${prefix}_${String(++ids).padStart(26, '0')}`

/**
 * Returns functions that answer a prompt: `begin`, then `delta` for each delta, then `end`.
 * @param {SessionEventRouter} router @param {{ sessionID: string, messageID: string }} prompt
 */
export function answerer(router, { sessionID, messageID: parentID }) {
  const info = { id: newId('msg'), parentID, role: 'assistant', sessionID, time: { created: 1 } }
  const part = { id: newId('prt'), messageID: info.id, sessionID, type: 'text', text: '' }
  // Copied, because events of the stream share no data either.
  const emit = (/** @type {string} */ type, /** @type {object} */ properties) =>
    router.receive(JSON.parse(JSON.stringify({ id: newId('evt'), type, properties })))
  return {
    begin: () => {
      emit('message.updated', { sessionID, info: { id: parentID, role: 'user', sessionID } })
      emit('session.status', { sessionID, status: { type: 'busy' } })
      emit('message.updated', { sessionID, info })
      emit('message.part.updated', { sessionID, part })
    },
    delta: (/** @type {string} */ delta) => {
      const of = { sessionID, messageID: info.id, partID: part.id, field: 'text' }
      emit('message.part.delta', { ...of, delta })
    },
    end: () => {
      const done = { ...info, finish: 'stop', time: { created: 1, completed: 2 } }
      emit('message.updated', { sessionID, info: done })
      emit('session.idle', { sessionID })
    },
  }
}
