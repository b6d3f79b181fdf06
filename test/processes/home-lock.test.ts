import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createActor } from 'xstate'
import {
  compileOptions,
  ensureRunning,
  HomeLockedError,
  serverMachine,
  startTurn,
  stopServer,
} from '../../src/index.ts'
import { lockHome } from '../../src/io/home/home-lock.ts'
import { stateFolder } from '../../src/io/home/state-folder.ts'
import { buildPackage } from '../support/built-cli.ts'
import { expectNothingLeft, tempHome } from '../support/home.ts'
import { hostProgram, startHost } from '../support/host.ts'
import { standIn, standInServer } from '../support/stand-in.ts'

let dist: string
beforeAll(async () => {
  dist = await buildPackage()
}, 120_000)

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

const configOf = (home: string): string => join(home, '.config', 'opencode', 'opencode.json')

describe('the lock of a home', () => {
  it('has one holder at a time among many hosts, some of which die', { timeout: 120_000 }, async () => {
    const home = tempHome()
    const until = Date.now() + 6_000
    const reports: string[] = []
    const count = (what: string): number => reports.filter((line) => line === what).length
    // A slow machine needs longer for as many holds.
    const isOver = (): boolean => Date.now() >= until && count('held') > 200 && count('died') > 4
    /** Starts racers one after another while the race lasts, because many die while they hold the lock. */
    const lane = async (): Promise<void> => {
      while (!isOver()) reports.push(...(await race(home, Math.max(1_000, until - Date.now()))))
    }
    await Promise.all(Array.from({ length: 6 }, lane))
    expect(reports.filter((line) => line !== 'held' && line !== 'died')).toEqual([])
    expect(readdirSync(stateFolder(home)).length).toBeLessThan(20)
  })

  it('is held against another thread of the process, which has its own holds', async () => {
    const home = tempHome()
    const modules = join(dirname(dist), 'build/io/home/home-lock.js')
    const program = `
      const { parentPort } = require('node:worker_threads')
      import(${JSON.stringify(modules)}).then(({ lockHome }) => {
        parentPort.on('message', (task) => {
          try {
            const lock = lockHome(${JSON.stringify(home)})
            if (task === 'try') lock.release()
            parentPort.postMessage('held')
          } catch (error) {
            parentPort.postMessage(error.name)
          }
        })
      })`
    const thread = new Worker(program, { eval: true })
    onTestFinished(async () => {
      await thread.terminate()
    })
    const ask = async (task: string): Promise<unknown> => {
      thread.postMessage(task)
      const [answer] = (await once(thread, 'message')) as [unknown]
      return answer
    }
    const lock = lockHome(home)
    expect(await ask('try')).toBe('HomeLockedError')
    lock.release()
    expect(await ask('hold')).toBe('held')
    expect(() => lockHome(home)).toThrow(HomeLockedError)
  })

  it('respects the holds of another copy of the package in the process', async () => {
    const home = tempHome()
    const copy = (await import(join(dirname(dist), 'build/io/home/home-lock.js'))) as {
      lockHome: typeof lockHome
    }
    const lock = copy.lockHome(home)
    expect(() => lockHome(home)).toThrow(HomeLockedError)
    lock.release()
    lockHome(home).release()
  })

  function race(home: string, ms: number): Promise<string[]> {
    return new Promise((resolve, reject) =>
      execFile(
        process.execPath,
        [hostProgram('lock-racer'), join(dirname(dist), 'build'), home, String(ms)],
        (error, stdout, stderr) => {
          if (error && error.signal !== 'SIGKILL') return reject(new Error(stderr))
          const lines = stdout.split('\n').filter((line) => line !== '')
          resolve(error ? [...lines, 'died'] : lines)
        },
      ),
    )
  }
})

describe('a home of another host', () => {
  it('is rejected, with the name of its holder, until that host has stopped', async () => {
    const home = tempHome()
    const host = startHost(dist, { home, binary: standIn('well-behaved') })
    await host.healthy()
    const before = [readFileSync(configOf(home), 'utf8'), statSync(configOf(home)).mtimeMs]
    const { server, states } = standInServer('well-behaved', { home, models: ['another'] })
    const error = await failure(server.ensureRunning())
    expect(error).toBeInstanceOf(HomeLockedError)
    expect(error).toMatchObject({ code: 'ERR_OPENCODE_HOME_LOCKED', retryable: true })
    expect((error as Error).message).toContain(`another host: process ${host.pid} on `)
    expect(states).toEqual(['idle', 'configuring', 'failed'])
    expect(await server.turn('Say hello').done).toMatchObject({ kind: 'error', code: 'server_unavailable' })
    expect(await failure(server.writeConfig())).toBeInstanceOf(HomeLockedError)
    expect([readFileSync(configOf(home), 'utf8'), statSync(configOf(home)).mtimeMs]).toEqual(before)
    host.command('stop')
    await expect.poll(() => failure(server.writeConfig()), { timeout: 60_000 }).toBeUndefined()
    await server.ensureRunning()
    expect(await server.turn('Say hello').done).toMatchObject({ kind: 'final' })
  })

  it('may belong to another server of this process', async () => {
    const home = tempHome()
    const [one, two] = [standInServer('well-behaved', { home }), standInServer('well-behaved', { home })]
    await one.server.ensureRunning()
    const error = await failure(two.server.ensureRunning())
    expect(error).toBeInstanceOf(HomeLockedError)
    expect((error as Error).message).toContain(`another server of this process: process ${process.pid} on `)
    await one.server.stop()
    await two.server.ensureRunning()
    expect(await failure(one.server.ensureRunning())).toBeInstanceOf(HomeLockedError)
  })
})

describe('a home of two actors with the same compiled options', () => {
  it('belongs to one actor at a time, and the other actor ends nothing', async () => {
    const home = tempHome()
    const input = compileOptions({
      home,
      proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-stand-in-key' },
      models: ['gpt-4o'],
      binary: standIn('well-behaved'),
    })
    const actors = [createActor(serverMachine, { input }), createActor(serverMachine, { input })] as const
    for (const actor of actors) actor.start()
    onTestFinished(async () => {
      for (const actor of actors) await stopServer(actor)
      await expectNothingLeft(home, [])
    })
    const [one, two] = actors
    await ensureRunning(one)
    expect(await failure(ensureRunning(two))).toBeInstanceOf(HomeLockedError)
    await stopServer(two)
    two.stop()
    expect(await startTurn(one, 'Say hello').done).toMatchObject({ kind: 'final' })
  })
})

describe('a home of this server', () => {
  it('is free when a stop resolves, in any state', async () => {
    const home = tempHome()
    const [one, two] = [standInServer('leaves-child', { home }), standInServer('leaves-child', { home })]
    const turns = [() => Promise.resolve(), () => new Promise((resolve) => setTimeout(resolve, 5))]
    for (const wait of [...turns, () => one.server.ensureRunning()]) {
      void failure(one.server.ensureRunning())
      await wait()
      await one.server.stop()
      await two.server.writeConfig()
    }
    await two.server.ensureRunning()
    await two.server.stop()
    await one.server.ensureRunning()
    await one.server.stop()
  })

  it('is free after its actor is stopped from outside and its processes have ended', async () => {
    const { server, home } = standInServer('leaves-child')
    await server.ensureRunning()
    server.actor.stop()
    const next = standInServer('well-behaved', { home })
    await expect.poll(() => failure(next.server.ensureRunning()), { timeout: 10_000 }).toBeUndefined()
  })

  it('is not held by writeConfig or by a failed server', async () => {
    const { server, home } = standInServer('exits-early', { maxRestarts: 0 })
    expect(await server.writeConfig()).toBe(configOf(home))
    await failure(server.ensureRunning())
    const next = standInServer('well-behaved', { home })
    await next.server.ensureRunning()
    expect(await failure(server.ensureRunning())).toBeInstanceOf(HomeLockedError)
  })

  it('is not changed by a server that never started', async () => {
    const { server, home } = standInServer('well-behaved')
    await server.stop()
    expect(existsSync(stateFolder(home))).toBe(false)
  })
})
