import { chmodSync, chownSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { InvalidOptionsError, type SpawnWrapper } from '../../src/index.ts'
import { configFile, configFolder } from '../../src/io/opencode/config-file.ts'
import { stateFolder } from '../../src/io/home/state-folder.ts'
import { buildPackage } from '../support/built-cli.ts'
import { place } from '../support/doctor.ts'
import { processesOf, tempHome } from '../support/home.ts'
import { isAlive, startHost } from '../support/host.ts'
import { otherUserProblem, sandboxProblem, warnSkipped } from '../support/recipe.ts'
import { standIn, standInServer } from '../support/stand-in.ts'

let dist: string
beforeAll(async () => {
  dist = await buildPackage()
  chmodSync(dirname(dist), 0o755)
}, 120_000)

const soon = { timeout: 5_000, interval: 20 }

/** Returns a line of `/proc/<pid>/status`, such as the four user ids. */
const statusOf = (pid: number, name: string): string[] =>
  (new RegExp(`^${name}:(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '')
    .trim()
    .split(/\s+/)

const problem = otherUserProblem()
if (problem !== undefined) warnSkipped('the tests of the options uid and gid', problem)

const other = { uid: 54_321, gid: 54_322 }

describe.runIf(problem === undefined)('a server with uid and gid', () => {
  it('runs a turn as this user, in no other group, in a home that belongs to the user', async () => {
    const { server, home } = standInServer('leaves-child', other)
    await server.ensureRunning()
    await expect.poll(() => processesOf(home), soon).toHaveLength(2)
    for (const pid of processesOf(home)) {
      expect(statusOf(pid, 'Uid')).toEqual(Array(4).fill('54321'))
      expect(statusOf(pid, 'Gid')).toEqual(Array(4).fill('54322'))
      expect(statusOf(pid, 'Groups')).toEqual([''])
    }
    expect((await server.turn('Say hello').done).kind).toBe('final')
    const { uid, gid, mode } = statSync(configFile(home))
    expect([uid, gid, mode & 0o777]).toEqual([other.uid, other.gid, 0o600])
    expect(statSync(join(home, 'workspace')).uid).toBe(other.uid)
    expect(statSync(join(stateFolder(home), 'serve.log')).uid).toBe(0)
    const child = processesOf(home)
    await server.stop()
    expect(child.filter(isAlive)).toEqual([])
    expect(() => readFileSync(join(stateFolder(home), 'server.json'))).toThrow('ENOENT')
  })

  it('does not start in a home with files of root, and says what to do', async () => {
    const { server, home } = standInServer('well-behaved', other)
    mkdirSync(configFolder(home), { recursive: true })
    await expect(server.ensureRunning()).rejects.toThrow(InvalidOptionsError)
    await expect(server.ensureRunning()).rejects.toThrow(`chown -R 54321:54322 ${home}`)
  })

  it('does not start with a binary that this user cannot run, and says what to do', async () => {
    const binary = place(join(tempHome(), 'opencode'), '#!/bin/sh\n', 0o755)
    const { server } = standInServer('well-behaved', { ...other, binary })
    await expect(server.ensureRunning()).rejects.toThrow(
      /expected a user who can run the binary .*, got 54321\./,
    )
  })

  it('does not start in a directory of another agent', async () => {
    const directory = tempHome()
    const { server } = standInServer('well-behaved', { ...other, directory })
    await expect(server.ensureRunning()).rejects.toThrow(/expected a user who can enter the directory/)
  })

  it('leaves no process when its host is killed', async () => {
    const home = tempHome()
    const host = startHost(dist, { home, binary: standIn('leaves-child'), ...other })
    await host.healthy()
    await expect.poll(() => processesOf(home), soon).toHaveLength(2)
    await host.die()
    await expect.poll(() => processesOf(home), soon).toEqual([])
  })

  it('is reaped by the next host, if its host and its watcher were killed', async () => {
    const home = tempHome()
    const host = startHost(dist, { home, binary: standIn('leaves-child'), ...other })
    const orphan = await host.healthy()
    await host.dieAlone()
    expect(isAlive(orphan)).toBe(true)
    const { server } = standInServer('well-behaved', { home, ...other })
    await server.ensureRunning()
    expect(isAlive(orphan)).toBe(false)
    expect(processesOf(home)).toEqual([server.pid])
  })
})

/** Commands that run a server's own: one becomes it, the other stays as its parent. */
const wrappers = {
  'becomes the server': ['/usr/bin/env', 'WRAPPED=yes'],
  'stays as the parent of the server': ['/bin/sh', '-c', 'WRAPPED=yes "$@"; exit "$?"', 'sh'],
}

describe.runIf(process.platform === 'linux')('a server with a command of the option spawn', () => {
  describe.each(Object.entries(wrappers))('that %s', (_, through) => {
    const spawn: SpawnWrapper = (argv) => [...through, ...argv]

    it('runs a turn, and leaves nothing when it is stopped', async () => {
      const { server, home } = standInServer('leaves-child', { spawn })
      await server.ensureRunning()
      expect((await server.turn('Say hello').done).kind).toBe('final')
      const all = processesOf(home)
      expect(all).toContain(server.pid)
      expect(
        all.map((pid) => readFileSync(`/proc/${pid}/environ`, 'utf8').includes('WRAPPED=yes')),
      ).toContain(true)
      await server.stop()
      expect(all.filter(isAlive)).toEqual([])
      expect(processesOf(home)).toEqual([])
    })

    it('leaves no process when its host is killed', async () => {
      const home = tempHome()
      const host = startHost(dist, { home, binary: standIn('leaves-child'), spawnThrough: through })
      await host.healthy()
      await host.die()
      await expect.poll(() => processesOf(home), soon).toEqual([])
    })

    it('is reaped by the next host, if its host and its watcher were killed', async () => {
      const home = tempHome()
      const host = startHost(dist, { home, binary: standIn('leaves-child'), spawnThrough: through })
      const orphan = await host.healthy()
      await host.dieAlone()
      expect(isAlive(orphan)).toBe(true)
      const reasons = new Set<string | undefined>()
      const { server } = standInServer('well-behaved', { home })
      server.lifecycle$.subscribe(({ reason }) => reasons.add(reason))
      await server.ensureRunning()
      expect(processesOf(home)).toEqual([server.pid])
      expect(reasons).toContain(`reaped orphaned server (pid ${orphan}) of an earlier host`)
    })
  })

  it.each([
    ['throws', 'The function of the option spawn failed: no profile'],
    ['returns no list', 'Invalid option spawn: expected the function to return a list'],
  ])('that %s fails the start, and a later start may succeed', async (what, message) => {
    let calls = 0
    const spawn: SpawnWrapper = (argv) => {
      if (calls++ > 0) return argv
      if (what === 'throws') throw new Error('no profile')
      return 'bwrap' as unknown as string[]
    }
    const { server, states } = standInServer('well-behaved', { spawn })
    const start = server.ensureRunning()
    await expect(start).rejects.toThrow(InvalidOptionsError)
    await expect(start).rejects.toThrow(message)
    expect(states).toEqual(['idle', 'configuring', 'failed'])
    expect(calls).toBe(1)
    await server.ensureRunning()
    expect(states.at(-1)).toBe('healthy')
  })

  it('that names no program fails the start', async () => {
    const spawn: SpawnWrapper = (argv) => ['/nonexistent/bwrap', ...argv]
    const { server } = standInServer('well-behaved', { spawn, maxRestarts: 0 })
    await expect(server.ensureRunning()).rejects.toThrow(
      /could not be started: .*\/nonexistent\/bwrap.*ENOENT/,
    )
  })

  it('gets the variables of the server, and its own command', async () => {
    const seen: Parameters<SpawnWrapper>[] = []
    const spawn: SpawnWrapper = (argv, env) => {
      seen.push([argv, env])
      return argv
    }
    const { server, home } = standInServer('well-behaved', { spawn, password: 'pw-of-the-test' })
    await server.ensureRunning()
    const [[argv, env] = [[], {}]] = seen
    expect(argv[0]).toBe(standIn('well-behaved'))
    expect(argv.slice(1, 3)).toEqual(['serve', '--port'])
    expect(env).toMatchObject({ HOME: home, OPENCODE_SERVER_PASSWORD: 'pw-of-the-test' })
  })
})

const noSandbox = problem ?? sandboxProblem(other)
if (noSandbox !== undefined) warnSkipped('the tests of a sandbox with its own processes', noSandbox)

describe.runIf(noSandbox === undefined)(
  'a server in a sandbox with its own processes, whose host is not root',
  () => {
    /** Starts a host that runs its server in bubblewrap, without the help of `--die-with-parent`. */
    const hostOf = (home: string) => {
      const root = ['--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev', '--bind', home, home]
      const options = {
        home,
        binary: standIn('leaves-child'),
        spawnThrough: ['bwrap', '--unshare-pid', ...root],
      }
      return startHost(dist, options, undefined, { PATH: process.env['PATH'] }, { ...other, cwd: '/' })
    }
    const ownHome = (): string => {
      const home = tempHome()
      chownSync(home, other.uid, other.gid)
      return home
    }

    it('leaves nothing when it is stopped', async () => {
      const home = ownHome()
      const host = hostOf(home)
      await host.healthy()
      expect(processesOf(home).length).toBeGreaterThan(2)
      host.command('stop')
      await host.reported(({ state }, i) => (state === 'idle' && i > 0 ? true : undefined))
      expect(processesOf(home)).toEqual([])
    })

    it('leaves no process when its host is killed', async () => {
      const home = ownHome()
      const host = hostOf(home)
      await host.healthy()
      await host.die()
      await expect.poll(() => processesOf(home), soon).toEqual([])
    })

    it('is reaped by the next host, if its host and its watcher were killed', async () => {
      const home = ownHome()
      const host = hostOf(home)
      const orphan = await host.healthy()
      const before = processesOf(home)
      await host.dieAlone()
      expect(isAlive(orphan)).toBe(true)
      await hostOf(home).healthy()
      expect(before.filter(isAlive)).toEqual([])
    })
  },
)

describe.runIf(process.platform === 'linux')('a server with a memory limit', () => {
  it('is replaced for the memory of a command that left its process group', async () => {
    const reasons: string[] = []
    const { server, home } = standInServer('holds-memory-outside', {
      memoryLimitMb: 350,
      healthIntervalMs: 100,
      env: { STANDIN_HELD_MB: '400' },
    })
    server.lifecycle$.subscribe(({ reason }) => reason !== undefined && reasons.push(reason))
    await server.ensureRunning()
    const first = server.pid
    await expect
      .poll(() => reasons.join(), { timeout: 20_000 })
      .toMatch(/memory limit: [45]\d\d MiB used, 350 MiB/)
    await expect.poll(() => server.pid !== undefined && server.pid !== first, { timeout: 20_000 }).toBe(true)
    await server.stop()
    expect(processesOf(home)).toEqual([])
  })
})
