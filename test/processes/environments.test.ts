import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa, type Options } from 'execa'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Finding } from '../../src/cli/doctor/finding.ts'
import { configFile, configFolder } from '../../src/io/opencode/config-file.ts'
import { stateFolder } from '../../src/io/home/state-folder.ts'
import { buildPackage } from '../support/built-cli.ts'
import { canBeEntered } from '../support/doctor.ts'
import { expectNothingLeft, tempHome } from '../support/home.ts'
import { startHost, type HostProcess } from '../support/host.ts'
import { standIn } from '../support/stand-in.ts'

let dist: string
beforeAll(async () => {
  dist = await buildPackage()
  chmodSync(dirname(dist), 0o755)
}, 120_000)

const binary = standIn('well-behaved')

/** Returns a command that executes a program in a removed working directory. */
const withoutFolder = (): string[] => {
  const folder = mkdtempSync(join(tmpdir(), 'opencode-runtime-removed-'))
  return ['/bin/sh', '-c', 'cd "$1" && rmdir "$1" && shift && exec "$@"', 'sh', folder]
}

/** Runs the command line; `as` is its user and working directory. */
async function cli(
  args: readonly string[],
  { through = [], uid, gid, cwd }: HostProcess,
  env: Options['env'] = {},
) {
  const [file, ...before] = [...through, process.execPath]
  const { stdout, stderr, exitCode } = await execa(file, [...before, join(dist, 'cli.js'), ...args], {
    reject: false,
    extendEnv: false,
    env: { PATH: process.env['PATH'] ?? '', OPENCODE_RUNTIME_API_KEY: 'sk-places-test-key', ...env },
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
    ...(cwd !== undefined && { cwd }),
  })
  return { stdout, stderr, exitCode }
}

const runIn = (home: string): string[] => [
  ...['run', 'Say hello', '--home', home, '--proxy', 'http://127.0.0.1:9/v1'],
  ...['--model', 'gpt-4o', '--binary', binary],
]

/** Runs a turn on a host; returns the host and the turn's last reply. */
async function turnOf(home: string, as: HostProcess, env?: NodeJS.ProcessEnv) {
  const host = startHost(dist, { home, binary }, 'Say hello', env, as)
  const last = await host.reported(({ reply }) => (/final|error/.test(reply?.kind ?? '') ? reply : undefined))
  return { host, last }
}

async function end(host: ReturnType<typeof startHost>, home: string): Promise<void> {
  host.command('stop')
  await host.reported(({ state }, i) => (state === 'idle' && i > 0 ? true : undefined))
  host.command('exit')
  await host.ended
  await expectNothingLeft(home)
}

describe.runIf(process.platform !== 'win32')('in a removed working directory', () => {
  it('a host starts its server and runs a turn', async () => {
    const home = tempHome()
    const { host, last } = await turnOf(home, { through: withoutFolder() })
    expect(last).toMatchObject({ kind: 'final' })
    await end(host, home)
  })

  it('the command line runs with absolute paths, and names a flag with a relative path', async () => {
    const home = tempHome()
    const ran = await cli(runIn(home), { through: withoutFolder() })
    expect(ran).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/\S/) as string })
    const relative = await cli(runIn('agent'), { through: withoutFolder() })
    expect(relative.exitCode).toBe(2)
    expect(relative.stderr).toMatch(/--home is relative, but the working directory was removed/)
    await expectNothingLeft(home)
  })

  it('doctor checks absolute paths, and reports a relative binary', async () => {
    const home = tempHome()
    const of = async (...flags: string[]) => {
      const { stdout } = await cli(['doctor', '--json', '--home', home, ...flags], {
        through: withoutFolder(),
      })
      return (JSON.parse(stdout) as Finding[]).find(({ check }) => check === 'binary')
    }
    expect(await of('--binary', binary)).toMatchObject({ status: 'ok' })
    expect((await of('--binary', './opencode'))?.finding).toMatch(
      /relative to a working directory that was removed/,
    )
    expect(await of()).toBeDefined()
  })
})

/** User without an entry in the user database, with a group. */
const nobody = { uid: 54_321, gid: 54_321, cwd: '/' }
const nameless: NodeJS.ProcessEnv = { PATH: process.env['PATH'] }

// The other user must be able to read all programs that it runs, links resolved.
const modules = realpathSync(join(import.meta.dirname, '../../node_modules'))
const isRoot = process.getuid?.() === 0
const reaches = isRoot && canBeEntered(modules) && canBeEntered(import.meta.dirname) && canBeEntered(tmpdir())
if (!reaches)
  console.warn(
    'NOT TESTED: a home of another user, and a user without a name. Run as root, in a folder that all users may enter.',
  )

describe.runIf(reaches)('a user without HOME and without an entry in the user database', () => {
  const ownHome = (): string => {
    const home = tempHome()
    chownSync(home, nobody.uid, nobody.gid)
    return home
  }

  it('can run a host that starts its server and runs a turn', async () => {
    const home = ownHome()
    const { host, last } = await turnOf(home, nobody, nameless)
    expect(last).toMatchObject({ kind: 'final' })
    await end(host, home)
  })

  it('can run the command line, and all checks of doctor', async () => {
    const home = ownHome()
    expect((await cli(runIn(home), nobody)).exitCode).toBe(0)
    const { stdout } = await cli(['doctor', '--json', '--home', home], nobody, { PATH: '/nonexistent' })
    const found = JSON.parse(stdout) as Finding[]
    expect(found.filter(({ finding }) => finding.includes('the check failed'))).toEqual([])
    await expectNothingLeft(home)
  })
})

describe.runIf(reaches)('a home whose folders belong to another user and are writable for the group', () => {
  const folders = [
    '',
    '.config',
    '.config/opencode',
    '.local',
    '.local/state',
    '.local/state/opencode-runtime',
  ]

  /** Creates a home like Kubernetes' `fsGroup`: owned by root and the user's group, with the setgid bit. */
  const groupHome = (): string => {
    const home = tempHome()
    for (const folder of [...folders, '.cache', 'workspace']) {
      const place = join(home, folder)
      mkdirSync(place, { recursive: true })
      chownSync(place, 0, nobody.gid)
      chmodSync(place, 0o2770)
    }
    return home
  }

  it('runs a turn, restricts the files with the key, and warns once of open folders', async () => {
    const home = groupHome()
    const { host, last } = await turnOf(home, nobody, nameless)
    expect(last).toMatchObject({ kind: 'final' })
    const warning = await host.reported((fact) => fact.warning)
    expect(warning).toContain(`other users may read the key: ${configFolder(home)}, ${stateFolder(home)}`)
    const { mode, uid } = statSync(configFile(home))
    expect([mode & 0o777, uid]).toEqual([0o600, nobody.uid])
    expect(statSync(join(stateFolder(home), 'server.json')).mode & 0o777).toBe(0o600)
    await end(host, home)
  })

  it('replaces a config of another user', async () => {
    const home = groupHome()
    for (const mode of [0o660, 0o600]) {
      rmSync(configFile(home), { force: true })
      mkdirSync(configFolder(home), { recursive: true })
      await execa('cp', ['/dev/null', configFile(home)])
      chownSync(configFile(home), 0, nobody.gid)
      chmodSync(configFile(home), mode)
      expect((await cli(runIn(home), nobody)).exitCode).toBe(0)
      expect(statSync(configFile(home))).toMatchObject({ uid: nobody.uid })
      expect(readFileSync(configFile(home), 'utf8')).toContain('sk-places-test-key')
    }
    await expectNothingLeft(home)
  })

  it('is a warning of doctor, not a failure', async () => {
    const home = groupHome()
    const { stdout } = await cli(['doctor', '--json', '--home', home, '--binary', binary], nobody)
    const modes = (JSON.parse(stdout) as Finding[]).filter(({ check }) => check === 'modes')
    expect(modes).toEqual([
      {
        check: 'modes',
        status: 'warning',
        finding: `${configFolder(home)} belongs to user 0, so its mode 0770 cannot be set to 0700`,
        advice: `Change the owner: chown ${nobody.uid} ${configFolder(home)}.`,
      },
    ])
  })

  it('is rejected with its path if the group may not write', async () => {
    const home = groupHome()
    chmodSync(configFolder(home), 0o2750)
    const { exitCode, stderr } = await cli(runIn(home), nobody)
    expect(exitCode).not.toBe(0)
    expect(stderr).toMatch(/expected a directory that this process can write|--home/)
    expect(stderr).toContain(configFolder(home))
    await expectNothingLeft(home)
  })
})
