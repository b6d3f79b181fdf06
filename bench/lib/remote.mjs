// Runs each contender in its own process, so that CPU and garbage of one contender do not count for another.
import { fork } from 'node:child_process'
import { once } from 'node:events'

/** Serves commands in a contender's process. A command takes one argument, and may return a promise. */
export function serve(commands) {
  process.on('message', async ({ id, name, argument }) => {
    const message = { id }
    try {
      message.result = await commands[name](argument)
    } catch (error) {
      message.error = error instanceof Error ? (error.stack ?? error.message) : String(error)
    }
    if (process.connected) process.send(message)
  })
  // A parent that is gone sends no more requests.
  process.once('disconnect', () => process.exit())
  process.send({ ready: true })
}

/** Starts a contender from the bench. Returns an object with a method for each command, and `end()`. */
export async function contender(url, { env = process.env } = {}) {
  const child = fork(url, { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const waiting = new Map()
  let ids = 0
  child.on('message', ({ id, result, error }) => {
    const { resolve, reject } = waiting.get(id) ?? {}
    waiting.delete(id)
    if (error !== undefined) reject?.(new Error(error))
    else resolve?.(result)
  })
  child.once('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`A contender ended: ${signal ?? code}`))
  })
  await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`${url} did not start: ${code}`)
    }),
  ])
  const ask = (name, argument) =>
    new Promise((resolve, reject) => {
      const id = ++ids
      waiting.set(id, { resolve, reject })
      child.send({ id, name, argument }, (error) => error && reject(error))
    })
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.disconnect()
    await gone
  }
  return new Proxy(
    {},
    {
      get: (_, name) => {
        if (name === 'then') return undefined
        return name === 'end' ? end : (argument) => ask(name, argument)
      },
    },
  )
}
