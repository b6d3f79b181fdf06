import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { checkDirectory } from '../../../../src/cli/doctor/directory.ts'
import { checkDisk, judgeSpace } from '../../../../src/cli/doctor/disk.ts'
import { checkModes } from '../../../../src/cli/doctor/home-modes.ts'
import { checkHome, sharedFinding, unusablePath } from '../../../../src/cli/doctor/home.ts'
import { canBeEntered, doctorContext, findings, place } from '../../../support/doctor.ts'
import { tempHome } from '../../../support/home.ts'

// A file system that refuses modes cannot be mounted here, so its answer is simulated.
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  return { ...real, chmod: vi.fn(real.chmod) }
})

const isRoot = process.getuid?.() === 0
const one = async (...args: Parameters<typeof findings>) => {
  const [found] = await findings(...args)
  if (found === undefined) throw new Error('nothing found')
  return found
}

/** Creates a home with a config and logs of the given modes. */
function usedHome({ home = 0o700, folder = 0o700, config = 0o600, log = 0o600 } = {}): string {
  const root = tempHome()
  const at = join(root, '.config', 'opencode')
  place(join(at, 'opencode.json'), '{}', config)
  place(join(at, 'serve.log'), '', 0o600)
  place(join(at, 'serve.log.1'), '', log)
  place(join(at, 'package.json'), '{}', 0o644)
  chmodSync(join(root, '.config'), 0o755)
  chmodSync(at, folder)
  chmodSync(root, home)
  return root
}

describe('checkHome', () => {
  it('is skipped without --home, as are checkModes and checkDisk', async () => {
    for (const check of [checkHome, checkModes, checkDisk])
      expect(await one(check, doctorContext())).toMatchObject({ status: 'skipped', finding: 'give --home' })
  })

  it('accepts a home that does not exist yet, and does not create it', async () => {
    const root = tempHome()
    const found = await one(checkHome, doctorContext({ home: join(root, 'a', 'b') }))
    expect(found.status).not.toBe('failure')
    expect(readdirSync(root)).toEqual([])
  })

  it.each([
    ['a file', (path: string) => place(path, '', 0o644), /is not a folder/],
    ['a broken link', (path: string) => symlinkSync('/no/such', path), /is a broken link/],
  ])(
    'rejects %s in place of the home, of a folder above, and of the config folder',
    async (_what, make, message) => {
      const root = tempHome()
      make(join(root, 'x'))
      mkdirSync(join(root, 'home'))
      make(join(root, 'home', '.config'))
      for (const home of ['x', 'x/home', 'home']) {
        const found = await one(checkHome, doctorContext({ home: join(root, home) }))
        expect(found).toMatchObject({ check: 'home', status: 'failure' })
        expect(found.finding).toMatch(message)
        expect(found.advice).toMatch(/^Move .* away, or give another --home/)
      }
    },
  )

  it.runIf(!isRoot)('rejects a home that cannot be written, created or accessed', async () => {
    const root = tempHome()
    mkdirSync(join(root, 'sub'), { mode: 0o700 })
    chmodSync(root, 0o500)
    expect((await one(checkHome, doctorContext({ home: root }))).finding).toMatch(/cannot be written/)
    const absent = await one(checkHome, doctorContext({ home: join(root, 'x') }))
    expect(absent.finding).toMatch(/cannot be created in .*\(EACCES\)/)
    chmodSync(root, 0o600)
    const hidden = await one(checkHome, doctorContext({ home: join(root, 'sub') }))
    expect(hidden.finding).toMatch(/cannot be accessed \(EACCES\)/)
    chmodSync(root, 0o700)
  })

  it('gives advice if the home cannot be created', () => {
    const absent = (code: string) => unusablePath('home', '/a/b', { kind: 'absent', ancestor: '/a', code })
    expect(absent('EROFS')?.advice).toMatch(/mount a volume/)
    expect(absent('EACCES')?.advice).toMatch(/as root .* chown/)
    expect(unusablePath('home', '/a', { kind: 'inaccessible', code: 'EACCES' })?.advice).toMatch(
      /access to the folders/,
    )
  })

  it.runIf(process.getuid !== undefined)('warns of a home that belongs to another user', async () => {
    const home = tempHome()
    const uid = (process.getuid?.() ?? 0) + 1
    const found = await one(checkHome, doctorContext({ home }, { uid }))
    expect(found).toMatchObject({ status: 'warning' })
    expect(found.advice).toContain(`chown -R ${uid} ${home}`)
  })

  it.runIf(isRoot)(
    'names the options of a home that belongs to another user, if root runs the host',
    async () => {
      const home = tempHome()
      chownSync(home, 54_321, 54_322)
      const found = await one(checkHome, doctorContext({ home }))
      expect(found).toMatchObject({ check: 'home', status: 'warning' })
      expect(found.advice).toContain('the options uid: 54321 and gid: 54322')
    },
  )

  it.runIf(isRoot)('fails if the owner of a home cannot enter the folders above', async () => {
    const place = tempHome()
    const home = join(place, 'home')
    mkdirSync(home)
    chownSync(home, 54_321, 54_322)
    const found = await one(checkHome, doctorContext({ home }))
    expect(found).toMatchObject({ check: 'home', status: 'failure' })
    expect(found.finding).toContain(`a user who can enter the home "${home}", got 54321`)
  })

  it('warns of a home that all users may write', async () => {
    const home = tempHome()
    chmodSync(home, 0o777)
    const found = await one(checkHome, doctorContext({ home }))
    expect(found).toMatchObject({ status: 'warning', advice: `Run chmod 700 ${home}.` })
  })

  it.each([
    ['finds nothing below private folders', {}, undefined],
    ['finds a shared folder like /tmp', { '/a': 0o1777 }, /inside \/a, which all users may write/],
    [
      'finds a folder that all users may change',
      { '/a': 0o777 },
      /inside \/a, where all users may replace it/,
    ],
  ])('sharedFinding: %s', async (_what, modes: Record<string, number>, message) => {
    const found = await sharedFinding('/a/b/home', '/a/b', (folder) =>
      Promise.resolve(modes[folder] ?? 0o755),
    )
    if (message === undefined) expect(found).toBeUndefined()
    else expect(found?.finding).toMatch(message)
  })
})

describe('checkModes', () => {
  it('accepts a home without config, and a home with the modes that the runtime sets', async () => {
    const fresh = await one(checkModes, doctorContext({ home: tempHome() }))
    expect(fresh).toMatchObject({ status: 'ok', finding: 'there is no config yet' })
    expect(await findings(checkModes, doctorContext({ home: usedHome() }))).toEqual([
      expect.objectContaining({ status: 'ok' }),
    ])
  })

  it.runIf(canBeEntered(tmpdir()))('fails if other users can read the key', async () => {
    const home = usedHome({ home: 0o755, folder: 0o755, config: 0o644 })
    const [folder, config] = await findings(checkModes, doctorContext({ home }))
    expect(folder).toMatchObject({ status: 'warning' })
    expect(folder?.finding).toMatch(/opencode is 0755, not 0700$/)
    expect(config?.finding).toMatch(/opencode\.json is 0644, not 0600: other users can read the key/)
    expect(config).toMatchObject({ check: 'modes', status: 'failure' })
    expect(config?.advice).toMatch(/chmod 600 .*opencode\.json\..*replace the key/)
  })

  it.each([{ home: 0o700 }, { home: 0o755, folder: 0o700 }])(
    'only warns if a folder above keeps other users out: %o',
    async (modes) => {
      const home = usedHome({ ...modes, config: 0o640 })
      expect(await findings(checkModes, doctorContext({ home }))).toEqual([
        expect.objectContaining({ status: 'warning' }),
      ])
    },
  )

  it('checks rotated logs, and no other files', async () => {
    const found = await findings(checkModes, doctorContext({ home: usedHome({ log: 0o644 }) }))
    expect(found).toHaveLength(1)
    expect(found[0]?.finding).toMatch(/serve\.log\.1 is 0644/)
  })

  it('fails if the config belongs to another user, so that this user cannot set its modes', async () => {
    const context = doctorContext({ home: usedHome() }, { uid: (process.getuid?.() ?? 0) + 1 })
    const [found] = await findings(checkModes, context)
    expect(found).toMatchObject({ status: 'failure' })
    expect(found?.advice).toMatch(/chown/)
  })

  it.runIf(canBeEntered(tmpdir()))(
    'only warns of files of another user that this user may write',
    async () => {
      const home = usedHome({ home: 0o755, folder: 0o777, config: 0o644, log: 0o660 })
      const uid = (process.getuid?.() ?? 0) + 1
      const found = await findings(checkModes, doctorContext({ home }, { uid }))
      expect(found.map(({ status }) => status)).toEqual(['warning', 'warning', 'warning', 'warning'])
      expect(found.map(({ finding }) => finding.slice(finding.indexOf(' belongs')))).toEqual([
        ` belongs to user ${uid - 1}, so its mode 0777 cannot be set to 0700`,
        ` belongs to user ${uid - 1}, so its mode 0644 cannot be set to 0600: other users can read the key in it`,
        ` belongs to user ${uid - 1}, and this user cannot read it`,
        ` belongs to user ${uid - 1}, so its mode 0660 cannot be set to 0600`,
      ])
      for (const { advice } of found) expect(advice).toMatch(new RegExp(`^Change the owner: chown ${uid} /`))
    },
  )

  it('only warns if the file system does not support modes, and tells how to mount the volume', async () => {
    const home = usedHome({ config: 0o666 })
    vi.mocked(chmod).mockRejectedValueOnce(Object.assign(new Error('EPERM: chmod'), { code: 'EPERM' }))
    const found = await one(checkModes, doctorContext({ home }))
    expect(found).toMatchObject({ check: 'modes', status: 'warning' })
    expect(found.finding).toMatch(
      /opencode\.json is 0666, not 0600, and the file system does not support modes$/,
    )
    expect(found.advice).toMatch(/file_mode=0600,dir_mode=0700/)
  })

  it('changes no mode', async () => {
    const home = usedHome({ config: 0o640 })
    const file = join(home, '.config', 'opencode', 'opencode.json')
    await findings(checkModes, doctorContext({ home }))
    expect(statSync(file).mode & 0o777).toBe(0o640)
  })

  it('fails if the config is a folder', async () => {
    const home = tempHome()
    mkdirSync(join(home, '.config', 'opencode', 'opencode.json'), { recursive: true })
    chmodSync(join(home, '.config', 'opencode'), 0o700)
    expect((await one(checkModes, doctorContext({ home }))).finding).toMatch(/is not a file$/)
  })

  it('is skipped if the config folder is not a folder, which checkHome reports', async () => {
    const home = tempHome()
    place(join(home, '.config'), '', 0o600)
    expect((await one(checkModes, doctorContext({ home }))).status).toBe('skipped')
  })
})

describe('checkDisk', () => {
  it('checks the disk of a home that does not exist yet', async () => {
    const root = tempHome()
    const found = await one(checkDisk, doctorContext({ home: join(root, 'x') }))
    expect(found.finding).toMatch(new RegExp(`^[\\d.]+ [MG]iB free at ${root}$`))
    expect(existsSync(join(root, 'x'))).toBe(false)
  })

  it('is skipped for a blocked home, which checkHome reports', async () => {
    const file = place(join(tempHome(), 'x'), '', 0o600)
    expect((await one(checkDisk, doctorContext({ home: file }))).status).toBe('skipped')
  })

  it.each([
    [14, 'failure', '14 MiB free at /d'],
    [15, 'warning', '15 MiB free at /d'],
    [499, 'warning', '499 MiB free at /d'],
    [500, 'ok', '500 MiB free at /d'],
    [2560, 'ok', '2.5 GiB free at /d'],
  ])('%d MiB is %s', (mebibytes, status, finding) => {
    const found = judgeSpace(mebibytes * 1024 * 1024, '/d')
    expect(found).toMatchObject({ status, finding })
    expect(found.advice === undefined).toBe(status === 'ok')
  })
})

describe('checkDirectory', () => {
  it('is skipped with neither --directory nor --home', async () => {
    expect(await one(checkDirectory, doctorContext())).toMatchObject({ status: 'skipped' })
  })

  it('accepts an existing directory, and the home’s workspace before it is created', async () => {
    const [home, directory] = [tempHome(), tempHome()]
    const given = await one(checkDirectory, doctorContext({ home, directory }))
    expect(given).toEqual({ check: 'directory', status: 'ok', finding: directory })
    const workspace = await one(checkDirectory, doctorContext({ home }))
    expect(workspace).toMatchObject({ status: 'ok' })
    expect(workspace.finding).toContain(`${join(home, 'workspace')} does not exist yet`)
    expect(readdirSync(home)).toEqual([])
  })

  it('rejects a missing directory, because only the workspace is created', async () => {
    const home = tempHome()
    const directory = join(home, 'gone')
    for (const flags of [{ directory }, { home, directory }]) {
      const found = await one(checkDirectory, doctorContext(flags))
      expect(found).toMatchObject({ status: 'failure', finding: `${directory} does not exist` })
      expect(found.advice).toMatch(/--directory/)
    }
    const named = { home, directory: join(home, 'workspace') }
    expect(await one(checkDirectory, doctorContext(named))).toMatchObject({ status: 'ok' })
  })

  it('rejects a file', async () => {
    const directory = place(join(tempHome(), 'x'), '', 0o600)
    const found = await one(checkDirectory, doctorContext({ directory }))
    expect(found).toMatchObject({ status: 'failure' })
    expect(found.advice).toMatch(/--directory/)
  })

  it.runIf(!isRoot)('warns of a directory that cannot be written', async () => {
    const directory = tempHome()
    chmodSync(directory, 0o500)
    expect((await one(checkDirectory, doctorContext({ directory }))).status).toBe('warning')
    chmodSync(directory, 0o700)
  })

  it.each(['', '.config', '.config/opencode'])(
    'warns of a directory that contains the config: HOME_DIR/%s',
    async (sub) => {
      const home = usedHome()
      const found = await one(checkDirectory, doctorContext({ home, directory: join(home, sub) }))
      expect(found).toMatchObject({ status: 'warning' })
      expect(found.finding).toMatch(/contains the home's config/)
    },
  )
})
