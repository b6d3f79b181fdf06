import { readdirSync } from 'node:fs'
import { firstValueFrom } from 'rxjs'
import { beforeAll, afterAll, describe, expect, it } from 'vitest'
import { ReconfigureError, type Lifecycle } from '../../src/index.ts'
import { treeResidentMb } from '../../src/io/process/memory.ts'
import { tempFolder } from '../../src/io/home/temp-folder.ts'
import { startScriptedModel } from '../../src/testing/index.ts'
import { collect, realServer } from '../support/real.ts'

const script = [
  { match: 'trickle', reply: { text: Array.from({ length: 40 }, (_, i) => `${i} `), chunkDelayMs: 100 } },
  { match: 'Say hello', reply: { text: ['Hello', ' world'] } },
]
const hello = { kind: 'final', content: 'Hello world' }
const generous = { timeout: 60_000 }

describe('a server that holds more than memoryLimitMb', () => {
  it('is replaced when its turns have finished; later turns run on the next server', async () => {
    // The limit is below the memory of any server, and is checked often, so that the running turn exceeds it.
    const { server, close } = await realServer(script, { memoryLimitMb: 50, healthIntervalMs: 1_000 })
    const seen: Lifecycle[] = []
    server.lifecycle$.subscribe((lifecycle) => seen.push(lifecycle))
    try {
      const session = server.session()
      const running = session.turn('trickle')
      await firstValueFrom(running.replies$)
      const { pid = 0 } = server
      expect(await treeResidentMb(pid, '')).toBeGreaterThan(100)
      await expect
        .poll(() => seen.at(-1)?.reason, generous)
        .toMatch(/^memory limit: \d+ MiB used, 50 MiB allowed$/)
      const waiting = session.turn('Say hello')
      const replies = await collect(running)
      expect(replies.at(-1)).toMatchObject({
        kind: 'final',
        content: expect.stringMatching(/39 $/) as string,
      })
      expect(await waiting.done).toMatchObject(hello)
      expect(server.pid).not.toBe(pid)
      expect(seen.some(({ error }) => error)).toBe(false)
      expect(seen.at(-1)?.restarts).toBeGreaterThanOrEqual(1)
    } finally {
      await close()
    }
  })
})

describe('an idle server', () => {
  let one: Awaited<ReturnType<typeof realServer>>
  beforeAll(async () => {
    one = await realServer(script, { idleTimeoutMs: 3_000, startTimeoutMs: 60_000 })
  })
  afterAll(() => one.close())
  const stateOf = () => one.server.actor.getSnapshot().value

  it('is stopped after idleTimeoutMs, and restarted by the next turn of the session', async () => {
    const session = one.server.session()
    expect(await session.turn('Say hello').done).toMatchObject(hello)
    const id = await session.id
    const { pid } = one.server
    await expect.poll(stateOf, generous).toBe('idle')
    expect(one.server.isRunning()).toBe(false)
    const again = session.turn('Say hello')
    expect(await again.done).toMatchObject(hello)
    expect(await again.sessionId).toBe(id)
    expect(one.server.pid).not.toBe(pid)
    // Each server leaves a library in its temp folder; only that of the last server remains.
    const libraries = readdirSync(tempFolder(one.home)).filter((name) => name.endsWith('.so'))
    expect(libraries).toHaveLength(1)
    // The model sees the earlier messages.
    expect(JSON.stringify(one.model.requests.at(-1))).toMatch(/Hello world.*Say hello/)
  })
})

describe('reconfigure', () => {
  let one: Awaited<ReturnType<typeof realServer>>
  beforeAll(async () => {
    one = await realServer(script)
  })
  afterAll(() => one.close())

  it('of key, proxy and models lets the running turn finish, and keeps the sessions', async () => {
    const { server, model } = one
    const other = await startScriptedModel([{ match: 'Say hello', reply: { text: 'Hi there' } }], {
      apiKey: 'sk-the-new-key-987',
    })
    try {
      const session = server.session()
      const running = session.turn('trickle')
      await firstValueFrom(running.replies$)
      const { pid } = server
      const changed = server.reconfigure({
        proxy: { baseURL: other.baseURL, apiKey: 'sk-the-new-key-987' },
        models: ['gpt-5'],
      })
      const waiting = session.turn('Say hello')
      expect(await running.done).toMatchObject({
        kind: 'final',
        content: expect.stringMatching(/39 $/) as string,
      })
      await changed
      expect(server.pid).not.toBe(pid)
      expect(await waiting.done).toMatchObject({ kind: 'final', content: 'Hi there' })
      expect(await waiting.sessionId).toBe(await running.sessionId)
      expect(other.requests.at(-1)).toMatchObject({ model: 'gpt-5' })
      await server.reconfigure({
        proxy: { baseURL: model.baseURL, apiKey: 'sk-real-test-0123456789' },
        models: ['gpt-4o'],
      })
      expect(await session.turn('Say hello').done).toMatchObject(hello)
    } finally {
      await other.stop()
    }
  })

  it('that changes nothing restarts nothing', async () => {
    const { server } = one
    await server.ensureRunning()
    const { pid } = server
    await server.reconfigure({ models: ['gpt-4o'], env: {} })
    expect(server.pid).toBe(pid)
  })

  it('rolls back and rejects if the server does not start with it', async () => {
    const { server } = one
    await server.ensureRunning()
    const reasons: (string | undefined)[] = []
    const subscription = server.lifecycle$.subscribe(({ reason }) => reasons.push(reason))
    // opencode does not start, because its config needs an object there.
    const changed = server.reconfigure({ config: { mcp: 'nonsense' }, models: ['gpt-5'] })
    await expect(changed).rejects.toBeInstanceOf(ReconfigureError)
    await expect(changed).rejects.toThrow(/the last healthy configuration is in use again/)
    subscription.unsubscribe()
    expect(reasons).toContain('rolled back')
    expect(server.isRunning()).toBe(true)
    expect(await server.turn('Say hello').done).toMatchObject(hello)
  })
})
