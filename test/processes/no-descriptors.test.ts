import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createInterface } from 'node:readline'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { stateFolder } from '../../src/io/home/state-folder.ts'
import { buildPackage } from '../support/built-cli.ts'
import { expectNothingLeft, processesOf, tempHome, watchersOf } from '../support/home.ts'
import { hostProgram } from '../support/host.ts'
import { standIn, standInServer } from '../support/stand-in.ts'

let dist: string
beforeAll(async () => {
  dist = await buildPackage()
}, 120_000)

type Outcome = 'ok' | { name: string; retryable: boolean; message: string }
interface Fact {
  did?: string
  uncaught?: string
  starved?: Outcome
  fed?: Outcome
  turn?: string
}

/** Starts a host with a limit of 200 open files, which the host uses up during its task. */
function starvedHost(task: string, home: string, more: object = {}) {
  const options = {
    home,
    binary: standIn('leaves-child'),
    proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-host-test-key' },
    models: ['gpt-4o'],
    maxRestarts: 0,
    ...more,
  }
  const args = [hostProgram('starved'), dist, JSON.stringify(options), task]
  const limited = ['-c', 'ulimit -n 200; exec "$0" "$@"', process.execPath, ...args]
  const child = spawn('/bin/sh', limited, { stdio: ['pipe', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const facts: Fact[] = []
  createInterface(child.stdout).on('line', (line) => facts.push(JSON.parse(line) as Fact))
  const printed = text(child.stderr)
  const did = (what: string) =>
    expect.poll(() => facts.map((fact) => fact.did), { timeout: 40_000, interval: 20 }).toContain(what)
  return { child, facts, printed, did, ended: once(child, 'close') }
}

describe.runIf(process.platform === 'linux')('a host without descriptors', () => {
  it('closes its server, ends remaining processes in the background, and then frees the home', async () => {
    const home = tempHome()
    const host = starvedHost('close', home)
    await host.did('start')
    // The server's child appears a moment after the server listens.
    await expect.poll(() => processesOf(home), { timeout: 10_000, interval: 20 }).toHaveLength(2)
    host.child.stdin.write('close\n')
    await host.did('close')
    await expect.poll(() => processesOf(home), { timeout: 10_000, interval: 20 }).toEqual([])
    await expectNothingLeft(home)
    await expect.poll(() => existsSync(join(stateFolder(home), 'server.json'))).toBe(false)
    // The host is alive, but holds no lock.
    const next = standInServer('well-behaved', { home })
    await expect.poll(() => next.server.writeConfig().catch(() => undefined)).toBeDefined()
    expect(host.child.exitCode).toBeNull()
    host.child.kill('SIGKILL')
    await host.ended
    expect(host.facts.filter(({ uncaught }) => uncaught !== undefined)).toEqual([])
    expect(await host.printed).toBe('')
  })

  it('exits on request: all servers end, its own exit handlers run, and nothing is printed', async () => {
    const [home, otherHome] = [tempHome(), tempHome()]
    const host = starvedHost('exit', home, { otherHome })
    await host.ended
    expect(host.facts).toEqual([{ did: 'the host’s own exit handler' }])
    expect(host.child.exitCode).toBe(0)
    expect(await host.printed).toBe('')
    for (const left of [home, otherHome]) {
      await expect.poll(() => processesOf(left), { timeout: 10_000, interval: 20 }).toEqual([])
      await expect.poll(() => watchersOf(left), { timeout: 10_000, interval: 20 }).toEqual([])
    }
  })

  it('starts no server and reports the cause, and starts a server when descriptors are free again', async () => {
    const home = tempHome()
    const host = starvedHost('restart', home)
    await host.ended
    const starved = host.facts.flatMap((fact) => fact.starved ?? [])
    expect(starved).toHaveLength(5)
    for (const outcome of starved)
      expect(outcome).toMatchObject({ message: expect.stringContaining('EMFILE') as string })
    expect(host.facts.filter((fact) => fact.starved === undefined)).toEqual([
      { fed: 'ok' },
      { turn: 'final' },
    ])
    expect(await host.printed).toBe('')
    await expectNothingLeft(home)
  })

  it('loads the modules of a start when descriptors are free again', async () => {
    const home = tempHome()
    const host = starvedHost('load', home)
    await host.ended
    expect(host.facts).toEqual([
      { starved: expect.objectContaining({ name: 'HostFaultError', retryable: true }) as Outcome },
      { fed: 'ok' },
    ])
    expect(await host.printed).toBe('')
    await expectNothingLeft(home)
  })
})
