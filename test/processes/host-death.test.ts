import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { markerVariable } from '../../src/io/opencode/environment.ts'
import { identify } from '../../src/io/process/process-identity.ts'
import { stateFolder } from '../../src/io/home/state-folder.ts'
import { buildPackage } from '../support/built-cli.ts'
import { expectNothingLeft, processesOf, tempHome, watchersOf } from '../support/home.ts'
import { isAlive, startHost } from '../support/host.ts'
import { standIn, standInServer } from '../support/stand-in.ts'

let dist: string
beforeAll(async () => {
  dist = await buildPackage()
}, 120_000)

/** Starts a host, and waits until its server is healthy. */
async function hostOf(name: string, home = tempHome()) {
  const host = startHost(dist, { home, binary: standIn(name) })
  const server = await host.healthy()
  return { host, home, server }
}

/** Time limit for the end of all processes after the death of a host, in ms. */
const soon = { timeout: 5_000, interval: 20 }

const fileOf = (home: string): string => join(stateFolder(home), 'server.json')
const recordOf = (home: string) => JSON.parse(readFileSync(fileOf(home), 'utf8')) as Record<string, unknown>

describe.runIf(process.platform === 'linux')('a host that is killed', () => {
  it.each(['well-behaved', 'leaves-child', 'ignores-sigterm', 'swallows-first-sigterm'])(
    'leaves no process of a server that is %s, because of its watcher',
    async (name) => {
      const { host, home } = await hostOf(name)
      expect(watchersOf(home)).toHaveLength(1)
      // The server's child appears a moment after the server listens.
      await expect.poll(() => processesOf(home), soon).toHaveLength(name === 'leaves-child' ? 2 : 1)
      await host.die()
      await expect.poll(() => processesOf(home), soon).toEqual([])
      await expectNothingLeft(home)
    },
  )

  it('leaves no process if grep has no -z', async () => {
    const [home, tools] = [tempHome(), tempHome()]
    writeFileSync(join(tools, 'grep'), '#!/bin/sh\ncase $1 in *z*) exit 2 ;; esac\nexec /bin/grep "$@"\n', {
      mode: 0o755,
    })
    const env = { ...process.env, PATH: `${tools}:${process.env['PATH'] ?? ''}` }
    const host = startHost(dist, { home, binary: standIn('leaves-child') }, undefined, env)
    await host.healthy()
    await host.die()
    await expect.poll(() => processesOf(home), soon).toEqual([])
    await expectNothingLeft(home)
  })

  it('leaves no process if its own PATH has no tools', async () => {
    const [home, tools] = [tempHome(), tempHome()]
    symlinkSync(process.execPath, join(tools, 'node'))
    const host = startHost(dist, { home, binary: standIn('well-behaved') }, undefined, { PATH: tools })
    await host.healthy()
    await host.die()
    await expect.poll(() => processesOf(home), soon).toEqual([])
    await expectNothingLeft(home)
  })

  it('leaves no process of a server that SIGSTOP stopped', async () => {
    const { host, home, server } = await hostOf('leaves-child')
    process.kill(server, 'SIGSTOP')
    await host.die()
    await expect.poll(() => processesOf(home), soon).toEqual([])
  })

  it('leaves no process of a server without output yet', async () => {
    const home = tempHome()
    const host = startHost(dist, { home, binary: standIn('never-listens') })
    await host.reported(({ state }) => (state === 'probing' ? true : undefined))
    await host.die()
    await expect.poll(() => processesOf(home), soon).toEqual([])
    await expectNothingLeft(home)
  })

  it('frees its home immediately for the next host', async () => {
    const { host, home, server: orphan } = await hostOf('leaves-child')
    await host.die()
    const { server } = standInServer('well-behaved', { home })
    await server.ensureRunning()
    expect(isAlive(orphan)).toBe(false)
    expect(await server.turn('Say hello').done).toMatchObject({ content: 'Hello world' })
    // The watcher of the dead host does not confuse the new server with the old server.
    await expect.poll(() => watchersOf(home), soon).toHaveLength(1)
    expect(recordOf(home)).toMatchObject({ pid: server.pid })
    expect(server.isRunning()).toBe(true)
  })

  it.each(['leaves-child', 'ignores-sigterm', 'swallows-first-sigterm', 'wedges-after-start'])(
    'together with its watcher leaves a server that is %s, which the next host reaps',
    async (name) => {
      const { host, home, server: orphan } = await hostOf(name)
      expect(recordOf(home)).toMatchObject({ pid: orphan })
      await host.dieAlone()
      expect(isAlive(orphan)).toBe(true)
      const reasons = new Set<string | undefined>()
      const { server, starts } = standInServer('well-behaved', { home, stopGraceMs: 1_500 })
      server.lifecycle$.subscribe(({ reason }) => reasons.add(reason))
      await server.ensureRunning()
      expect(isAlive(orphan)).toBe(false)
      expect(processesOf(home)).toEqual([server.pid])
      expect(reasons).toContain(`reaped orphaned server (pid ${orphan}) of an earlier host`)
      expect(starts().map(({ pid }) => pid)).toEqual([server.pid])
    },
  )

  it('together with its watcher leaves a server that SIGSTOP stopped, which the next host reaps', async () => {
    const { host, home, server: orphan } = await hostOf('leaves-child')
    process.kill(orphan, 'SIGSTOP')
    await host.dieAlone()
    const { server } = standInServer('well-behaved', { home, stopGraceMs: 200 })
    await server.ensureRunning()
    expect(processesOf(home)).toEqual([server.pid])
  })

  it('leaves an orphan whose reaping may be stopped and continued', async () => {
    const { host, home, server: orphan } = await hostOf('ignores-sigterm')
    await host.dieAlone()
    const { server, states } = standInServer('well-behaved', { home, stopGraceMs: 60_000 })
    server.ensureRunning().catch(() => undefined)
    await new Promise((resolve) => setImmediate(resolve))
    await server.stop()
    expect([states.at(-1), isAlive(orphan)]).toEqual(['idle', true])
    const patient = standInServer('well-behaved', { home, stopGraceMs: 100 })
    await patient.server.ensureRunning()
    expect(isAlive(orphan)).toBe(false)
  })
})

describe('a host that exits without close', () => {
  it.each(['leaves-child', 'ignores-sigterm'])('leaves no process of a server that is %s', async (name) => {
    const { host, home } = await hostOf(name)
    host.command('exit')
    expect(await host.ended).toEqual([3, null])
    await expect.poll(() => processesOf(home), soon).toEqual([])
    await expectNothingLeft(home)
  })
})

describe('a host without further work', () => {
  /** Time limit of the exit in ms: far below `restartWindowMs`, and far above the usual time of an exit. */
  const exits = { timeout: 20_000, interval: 20 }

  /** Starts a host whose server crashed once and is healthy again. */
  async function hostAfterCrash() {
    const home = tempHome()
    const host = startHost(dist, { home, binary: standIn('leaves-child'), restartWindowMs: 60_000 })
    const first = await host.healthy()
    process.kill(first, 'SIGKILL')
    await host.reported(({ state, pid }) => (state === 'healthy' && pid !== first ? pid : undefined))
    return { host, home }
  }

  it.each(['stop', 'stopActor'] as const)(
    'exits by itself after `%s` of a server that crashed once, and leaves no process',
    async (command) => {
      const { host, home } = await hostAfterCrash()
      let exit: unknown
      void host.ended.then((how: unknown[]) => (exit = how))
      host.command(command)
      host.closeInput()
      await expect.poll(() => exit, exits).toEqual([0, null])
      await expect.poll(() => processesOf(home), soon).toEqual([])
      await expectNothingLeft(home)
    },
  )
})

describe('the record of a server', () => {
  it('is removed with its server', async () => {
    const { server, home } = standInServer('leaves-child')
    await server.ensureRunning()
    const { pid, password, baseURL = '' } = server
    expect(recordOf(home)).toMatchObject({
      pid,
      password,
      port: Number(new URL(baseURL).port),
      hostname: '127.0.0.1',
    })
    await server.stop()
    expect(() => recordOf(home)).toThrow('ENOENT')
    await expectNothingLeft(home)
  })

  /** Starts a process of another program, and writes a record that names it. */
  async function stranger(record: Record<string, unknown> = {}, marker?: string) {
    const home = tempHome()
    const env = { PATH: process.env['PATH'], ...(marker !== undefined && { [markerVariable]: marker }) }
    const child = spawn('sleep', ['300', '301'], { detached: true, stdio: 'ignore', env })
    onTestFinished(() => void child.kill('SIGKILL'))
    const pid = child.pid ?? 0
    await expect.poll(() => identify(pid)?.command).toBe('sleep 300 301')
    const { startTime } = identify(pid) ?? {}
    const command = ['sleep', '300', '301']
    const place = { hostname: '127.0.0.1', port: 9, username: 'opencode', password: 'x'.repeat(32) }
    leave(
      home,
      JSON.stringify({ pid, startTime, command, ...place, marker: marker ?? randomUUID(), at: 0, ...record }),
    )
    return { home, child, pid }
  }

  function leave(home: string, content: string): void {
    mkdirSync(stateFolder(home), { recursive: true })
    writeFileSync(fileOf(home), content)
  }

  it.each([
    ['with another start time', { startTime: 'another boot:1' }],
    [
      'with another command line',
      { command: ['opencode', 'serve', '--port', '4096', '--hostname', '127.0.0.1'] },
    ],
    ['without a marker', {}],
  ])('spares another process with the pid, %s', async (_name, record) => {
    const { home, child, pid } = await stranger(record)
    const { server } = standInServer('well-behaved', { home })
    await server.ensureRunning()
    expect([isAlive(pid), child.signalCode]).toEqual([true, null])
    expect(recordOf(home)).toMatchObject({ pid: server.pid })
    await server.stop()
    expect([isAlive(pid), child.signalCode]).toEqual([true, null])
  })

  it('identifies an orphan by start time, command line and marker', async () => {
    const { home, child } = await stranger({}, randomUUID())
    const { server } = standInServer('well-behaved', { home })
    await server.ensureRunning()
    expect(child.signalCode).toBe('SIGTERM')
  })

  it('of a server that has ended still finds processes with its marker', async () => {
    const marker = randomUUID()
    const { home, child } = await stranger({ startTime: 'another boot:1' }, marker)
    const { server } = standInServer('well-behaved', { home })
    await server.ensureRunning()
    await expect.poll(() => child.signalCode).toBe('SIGKILL')
  })

  it('does not prevent a start if it is garbage', async () => {
    const home = tempHome()
    leave(home, '{"pid": 1, ')
    const { server } = standInServer('well-behaved', { home })
    await server.ensureRunning()
    expect(recordOf(home)).toMatchObject({ pid: server.pid })
  })
})

describe.runIf(process.platform === 'linux')('a copied home', () => {
  it.each(['while its host lives', 'after its host has died'])(
    '%s does not end the server of the original home',
    async (when) => {
      const { host, home, server: original } = await hostOf('leaves-child')
      const before = processesOf(home)
      if (when === 'after its host has died') await host.dieAlone()
      const copy = join(tempHome(), 'copy')
      cpSync(home, copy, { recursive: true, preserveTimestamps: true })
      const { server } = standInServer('well-behaved', { home: copy })
      await server.ensureRunning()
      expect(recordOf(copy)).toMatchObject({ pid: server.pid })
      expect(recordOf(home)).toMatchObject({ pid: original })
      expect(processesOf(home)).toEqual(before)
      await server.close()
      expect(processesOf(home)).toEqual(before)
      if (when === 'while its host lives') return
      // The next host of the original home finds its orphan.
      const next = standInServer('well-behaved', { home })
      await next.server.ensureRunning()
      expect(isAlive(original)).toBe(false)
    },
  )
})
