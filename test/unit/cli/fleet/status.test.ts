import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fleetStatus, type Pause } from '../../../../src/cli/fleet/status.ts'
import { main } from '../../../../src/cli/program.ts'
import { Std } from '../../../../src/cli/std.ts'
import { statusFile } from '../../../../src/io/fleet/fleet-folder.ts'
import { lockDataDir } from '../../../../src/io/fleet/fleet-lock.ts'
import { brokenSink, keptStd, systemError, textSink } from '../../../support/cli-streams.ts'
import { agentStatus, leaveStatus, statusWith } from '../../../support/fleet-status.ts'
import { openStore } from '../../../support/fleet-store.ts'
import { tempHome } from '../../../support/home.ts'

const isRoot = process.getuid?.() === 0

async function run(...args: string[]) {
  const { std, stdout, stderr } = keptStd()
  const code = await main(['node', 'opencode-runtime', 'fleet', 'status', ...args], std)
  return { code, stdout: stdout(), stderr: stderr() }
}

/** Returns the data directory of a fleet that has ended, and left a status. */
function endedFleet(...ids: string[]): string {
  const dataDir = tempHome()
  leaveStatus(dataDir, statusWith(ids.map((id) => agentStatus(id))))
  return dataDir
}

describe('fleet status', () => {
  it('shows the status that the store of a running fleet wrote, and exits with 0', async () => {
    const dataDir = tempHome()
    const { store } = await openStore(dataDir)
    store.writeStatus(statusWith([agentStatus('a1', { state: 'healthy' })]))
    await expect.poll(async () => (await run('--data-dir', dataDir)).stdout, { interval: 5 }).toContain('a1')
    const { code, stdout, stderr } = await run('--data-dir', dataDir)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(
      new RegExp(`^fleet ${dataDir}\nruns in process ${process.pid} on .*; last change: now\n`),
    )
    expect(stdout).toMatch(/\na1 +default +healthy\n$/)
    await store.close()
    const after = await run('--data-dir', dataDir)
    expect(after.code).toBe(1)
    expect(after.stdout).toContain('does not run; last status: now')
  })

  it('--json writes the status, and who runs the fleet, as one line', async () => {
    const dataDir = endedFleet('a1')
    const ended = await run('--data-dir', dataDir, '--json')
    expect(ended.stdout).toMatch(/^[^\n]+\n$/)
    expect(JSON.parse(ended.stdout)).toMatchObject({ agents: [{ id: 'a1' }], fleet: { running: false } })
    expect(ended.code).toBe(1)
    const lock = lockDataDir(dataDir)
    const { stdout, code } = await run('--data-dir', dataDir, '--json')
    lock.release()
    expect(JSON.parse(stdout)).toMatchObject({
      servers: { running: 3, starting: 1, max: 16 },
      fleet: { running: true, pid: process.pid },
    })
    expect(code).toBe(0)
  })

  it('shows a fleet that has not written a status', async () => {
    const dataDir = tempHome()
    const lock = lockDataDir(dataDir)
    const { code, stdout } = await run('--data-dir', dataDir)
    lock.release()
    expect(code).toBe(0)
    expect(stdout).toContain('; no status has been written yet\n')
  })

  it('exits with 5 if the status of a running fleet cannot be written', async () => {
    const dataDir = endedFleet('a1')
    const lock = lockDataDir(dataDir)
    const err = textSink()
    const std = new Std(brokenSink(systemError('ENOSPC', -28)), err)
    const code = await main(['node', 'opencode-runtime', 'fleet', 'status', '--data-dir', dataDir], std)
    lock.release()
    expect(code).toBe(5)
    expect(err.text()).toMatch(/^error: the status could not be written to stdout: no space left/)
  })

  it('exits with 2 and advice without --data-dir, and for an unknown command', async () => {
    expect(await run()).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/required option '--data-dir <dir>'/) as string,
    })
    const { std, stderr } = keptStd()
    await expect(main(['node', 'opencode-runtime', 'fleet', 'stats'], std)).resolves.toBe(2)
    expect(stderr()).toMatch(/unknown command 'stats'/)
  })

  it.each<[string, (dataDir: string) => void, RegExp]>([
    [
      'no folder',
      (dir) => rmSync(dir, { recursive: true }),
      /there is no folder .*: give the dataDir of a Fleet/,
    ],
    ['a folder without a fleet', () => undefined, /no fleet has used .*, which has no folder \.fleet: give/],
    [
      'a damaged status',
      (dir) => leaveStatus(dir, '{"format":1,"at"'),
      /status\.json is damaged; a fleet that runs/,
    ],
    ['a status without agents', (dir) => leaveStatus(dir, '{"format":1,"at":0}'), /status\.json is damaged/],
    ['a status that is no object', (dir) => leaveStatus(dir, 'null'), /status\.json is damaged/],
    [
      'a newer format',
      (dir) => leaveStatus(dir, '{"format":2}'),
      /has the format 2 of a newer version: use the opencode-runtime of the fleet's project/,
    ],
    [
      'a folder in the place of the status',
      (dir) => mkdirSync(statusFile(dir), { recursive: true }),
      /EISDIR/,
    ],
  ])('exits with 2 and says what to do for %s', async (_what, prepare, message) => {
    const dataDir = tempHome()
    prepare(dataDir)
    const { code, stdout, stderr } = await run('--data-dir', dataDir)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/^error: [^\n]+\n$/)
  })

  it('exits with 2 for a file', async () => {
    const file = join(tempHome(), 'file')
    writeFileSync(file, '')
    expect(await run('--data-dir', file)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/is a file, no folder/) as string,
    })
  })

  it.skipIf(isRoot)('names the user of the fleet if the folder may not be read', async () => {
    const dataDir = endedFleet('a1')
    chmodSync(join(dataDir, '.fleet'), 0)
    const { code, stderr } = await run('--data-dir', dataDir)
    chmodSync(join(dataDir, '.fleet'), 0o700)
    expect(code).toBe(2)
    expect(stderr).toMatch(/cannot be read: EACCES.*; run this command as the user of the fleet/)
  })

  it('shows 1,000 agents in whole in a pipe, as many as fit on a terminal, and all with --all', async () => {
    const dataDir = endedFleet(...Array.from({ length: 1000 }, (_, i) => `a${i}`))
    const { stdout } = await run('--data-dir', dataDir)
    expect(stdout.match(/^a\d+ /gm)).toHaveLength(1000)
    const terminal = async (all: boolean) => {
      const out = Object.assign(textSink(true), { rows: 24 })
      await fleetStatus({ dataDir, all }, new Std(out, textSink()))
      return out.text()
    }
    const short = await terminal(false)
    expect(short.split('\n')).toHaveLength(24)
    expect(short).toMatch(/… 98\d more agents \(--all\): 98\d idle/)
    expect((await terminal(true)).match(/^a\d+ /gm)).toHaveLength(1000)
  })
})

describe('fleet status --watch', () => {
  /** Watches; at each pause the next step runs, and the last step ends the command as Ctrl-C does. */
  async function watch(dataDir: string, steps: (() => void)[], { isTTY = false, json = false } = {}) {
    const out = Object.assign(textSink(isTTY), { rows: 30 })
    const left = [...steps]
    const pause: Pause = () => {
      const step = left.shift()
      if (step) step()
      else process.emit('SIGINT', 'SIGINT')
      return Promise.resolve()
    }
    const code = await fleetStatus({ dataDir, watch: true, json }, new Std(out, textSink()), pause)
    return { code, text: out.text(), parts: out.text().split('\n') }
  }

  it('writes a line of JSON for each change only, until a signal', async () => {
    const dataDir = endedFleet('a1')
    const change = () => leaveStatus(dataDir, statusWith([agentStatus('a2')]))
    const { code, parts } = await watch(dataDir, [() => undefined, change, () => undefined], { json: true })
    expect(code).toBe(130)
    expect(
      parts.slice(0, -1).map((line) => (JSON.parse(line) as { agents: { id: string }[] }).agents[0]?.id),
    ).toEqual(['a1', 'a2'])
  })

  it('writes the changed status below the last one in a pipe, also when the fleet starts', async () => {
    const dataDir = endedFleet('a1')
    const locks: { release: () => void }[] = []
    const { text } = await watch(dataDir, [() => void locks.push(lockDataDir(dataDir)), () => undefined])
    locks.forEach((lock) => lock.release())
    expect(text.match(/^fleet /gm)).toHaveLength(2)
    expect(text).toMatch(/does not run[^]*\n\nfleet [^\n]*\nruns in process/)
    expect(text).not.toContain('\u001b')
  })

  it('replaces the status on a terminal, and leaves the last one when it ends', async () => {
    const dataDir = endedFleet('a1')
    const change = () => leaveStatus(dataDir, statusWith([agentStatus('a2')]))
    const { text } = await watch(dataDir, [change], { isTTY: true })
    expect(text.startsWith('\u001b[?1049h\u001b[?25l\u001b[H')).toBe(true)
    expect(text.split('\u001b[H')).toHaveLength(3)
    const [, left = ''] = text.split('\u001b[?25h\u001b[?1049l')
    expect(left).toMatch(/^[^]*fleet [^]*\na2 [^]*\n$/)
  })

  it('goes on while the status is damaged or the folder is missing, and says so', async () => {
    const dataDir = endedFleet('a1')
    const steps = [
      () => leaveStatus(dataDir, '{"torn'),
      () => rmSync(join(dataDir, '.fleet'), { recursive: true }),
      () => leaveStatus(dataDir, statusWith([agentStatus('a2')])),
    ]
    const { code, text } = await watch(dataDir, steps)
    expect(code).toBe(130)
    expect(text).toMatch(/\na1 [^]*status\.json is damaged[^]*has no folder \.fleet[^]*\na2 /)
  })

  it('rejects a wrong folder at once', async () => {
    await expect(watch(tempHome(), [])).rejects.toThrow(/no fleet has used/)
  })
})
