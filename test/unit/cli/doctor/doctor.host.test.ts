import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { checkBinary, judged } from '../../../../src/cli/doctor/binary.ts'
import {
  checkNode,
  checkPlatform,
  checkProc,
  checkShell,
  lookAtProc,
  lookAtShell,
} from '../../../../src/cli/doctor/host.ts'
import { checkListening } from '../../../../src/cli/doctor/listen.ts'
import { askVersion } from '../../../../src/io/opencode/binary-version.ts'
import { tested } from '../../../../src/io/opencode/versions.ts'
import { doctorContext, doctorKey, findings, place } from '../../../support/doctor.ts'
import { tempHome } from '../../../support/home.ts'

describe('platform and node', () => {
  it.each([
    ['linux', 'ok', /^Linux/],
    ['darwin', 'warning', /not tested; a stop reaches the process group/],
    ['win32', 'warning', /never tested; there are no process groups/],
    ['freebsd', 'warning', /^freebsd/],
  ] as const)('%s is %s', async (platform, status, finding) => {
    const [found] = await findings(checkPlatform, doctorContext({}, { platform }))
    expect(found).toMatchObject({ check: 'platform', status })
    expect(found?.finding).toMatch(finding)
  })

  it.each([
    ['20.18.3', 'failure'],
    ['20.19.0', 'ok'],
    ['24.1.0', 'ok'],
  ])('Node %s is %s', async (nodeVersion, status) => {
    expect(await findings(checkNode, doctorContext({}, { nodeVersion }))).toMatchObject([{ status }])
  })
})

describe('proc and shell', () => {
  it.runIf(process.platform === 'linux')('are fine here', async () => {
    expect(await findings(checkProc, doctorContext())).toMatchObject([{ check: 'proc', status: 'ok' }])
    expect(await lookAtShell('linux', '/bin/sh')).toMatchObject([{ check: 'shell', status: 'ok' }])
  })

  it('a /proc that is missing, or shows other processes only, is a failure', async () => {
    expect(await lookAtProc('linux', '/no/such')).toMatchObject([
      { status: 'failure', finding: '/no/such cannot be read (ENOENT)' },
    ])
    const folder = tempHome()
    expect(await lookAtProc('linux', folder)).toMatchObject([
      { status: 'failure', finding: `${folder} does not list this process` },
    ])
    place(join(folder, String(process.pid), 'stat'), '', 0o600)
    const [found] = await lookAtProc('linux', folder)
    expect(found?.finding).toMatch(/environ cannot be read \(ENOENT\)/)
    expect(found?.advice).toMatch(/procfs/)
  })

  it('are skipped where they mean nothing', async () => {
    const [darwin] = await lookAtProc('darwin', '/no/such')
    expect(darwin).toMatchObject({ status: 'skipped' })
    expect(darwin?.finding).toMatch(/only the process group is reached, and ps tells its memory/)
    const [win32] = await lookAtProc('win32', '/no/such')
    expect(win32).toMatchObject({ status: 'skipped' })
    expect(win32?.finding).toMatch(/no memory limit is kept, and no server left by a host is found/)
    expect(await lookAtShell('win32', '/no/such')).toMatchObject([{ status: 'skipped' }])
  })

  it('a shell that is missing or cannot be run is a warning', async () => {
    const plain = place(join(tempHome(), 'sh'), '', 0o644)
    expect(await lookAtShell('linux', '/no/sh')).toMatchObject([
      { status: 'warning', finding: '/no/sh cannot be run (ENOENT)' },
    ])
    expect(await lookAtShell('linux', plain)).toMatchObject([{ status: 'warning' }])
  })

  it.each([
    ['/usr/sbin/nologin', 'is no shell'],
    ['/bin/false', 'is no shell'],
    ['/no/such/zsh', 'does not exist'],
  ])('a SHELL that is %s is a warning, and left out', async (shell, why) => {
    const [, found] = await findings(
      checkShell,
      doctorContext({}, { env: { SHELL: shell }, platform: 'linux' }),
    )
    expect(found).toMatchObject({
      check: 'shell',
      status: 'warning',
      finding: `SHELL is ${shell}, which ${why}: it is left out of the server's environment`,
    })
    expect(found?.advice).toMatch(/run in bash, or in \/bin\/sh/)
  })

  it.each([{}, { SHELL: '' }, { SHELL: '/bin/sh' }])(
    'a SHELL that runs commands, or none, is not told: %o',
    async (env) => {
      expect(await findings(checkShell, doctorContext({}, { env, platform: 'linux' }))).toHaveLength(1)
    },
  )
})

const script = (text: string): string => place(join(tempHome(), 'opencode'), `#!/bin/sh\n${text}\n`, 0o755)

describe('checkBinary', () => {
  const check = (binary?: string, lookup = {}) =>
    findings(
      checkBinary,
      doctorContext(binary === undefined ? {} : { binary }, {
        lookup: { path: '', home: '/nonexistent', from: [], ...lookup },
      }),
    )

  it('tells which it is, why, and its version', async () => {
    const file = script(`echo ${tested.to}`)
    expect(await check(file)).toEqual([
      { check: 'binary', status: 'ok', finding: `${file} (given by --binary)` },
      { check: 'version', status: 'ok', finding: `opencode ${tested.to}` },
    ])
    const [onPath] = await check(undefined, { path: join(file, '..') })
    expect(onPath?.finding).toMatch(/first on PATH/)
    const home = tempHome()
    place(join(home, '.opencode', 'bin', 'opencode'), '#!/bin/sh\necho 1.0.0\n', 0o755)
    const [installed, old] = await check(undefined, { home })
    expect(installed?.finding).toMatch(/not on PATH, but where the official installer puts it/)
    expect(old).toMatchObject({ status: 'failure' })
  })

  it('refuses what is not there, in the words of the command line', async () => {
    const [missing, version] = await check('/no/such')
    expect(missing).toEqual({
      check: 'binary',
      status: 'failure',
      finding: '--binary names "/no/such", which does not exist.',
      advice: 'Name an executable opencode, or leave --binary out to have it found.',
    })
    expect(version).toMatchObject({ check: 'version', status: 'skipped' })
    const [nowhere] = await check()
    expect(nowhere?.finding).toMatch(/^No opencode binary found: not on PATH, not at .*, and no package/)
    expect(nowhere?.advice).toBe('Run npm install opencode-ai, or give --binary.')
  })

  const stub = 'echo "Error: opencode-ai\'s postinstall script was not run." >&2\nexit 1\n'

  it('knows the package’s stub, and what to do where it stands for nothing', async () => {
    const root = tempHome()
    const file = place(join(root, 'opencode'), stub, 0o755)
    for (const found of [await check(file), await check(undefined, { path: root })]) {
      expect(found[0]).toMatchObject({ status: 'failure' })
      expect(found[0]?.finding).toMatch(/which is the stub of the package opencode-ai/)
      expect(found[0]?.advice).toMatch(/without --omit=optional/)
    }
  })

  it('tells that it goes by the stub to the platform’s binary', async () => {
    const modules = join(tempHome(), 'node_modules')
    place(join(modules, 'opencode-ai', 'package.json'), '{"name":"opencode-ai"}', 0o644)
    const file = place(join(modules, 'opencode-ai', 'bin', 'opencode.exe'), stub, 0o755)
    const name = `opencode-${process.platform}-${process.arch}`
    place(join(modules, name, 'package.json'), `{"name":"${name}"}`, 0o644)
    const real = place(join(modules, name, 'bin', 'opencode'), `#!/bin/sh\necho ${tested.to}\n`, 0o755)
    const [binary, version] = await check(file)
    expect(binary?.finding).toBe(
      `${real} (given by --binary; instead of the package's stub ${file}, which cannot run)`,
    )
    expect(version).toMatchObject({ status: 'ok' })
  })

  it('a binary that says nothing of the kind is a failure, and what it says holds no secret', async () => {
    const env = { ...process.env, OPENCODE_RUNTIME_API_KEY: doctorKey }
    const binary = script(`printf 'bad \\033[31m${doctorKey}\\n  at x' >&2; exit 3`)
    const [, found] = await findings(checkBinary, doctorContext({ binary }, { env }))
    expect(found?.finding).toBe(`${binary} --version exited with code 3: bad ***`)
    expect(found?.advice).toMatch(/npm install opencode-ai/)
  })

  it.each([
    ['9.9.9', 'warning', /not one that was tested/],
    ['0.0.0-dev-1', 'warning', /not one that was tested/],
    ['1.1.57', 'failure', /older than/],
    ['1.2.3.4', 'warning', /cannot read/],
  ])('version %s is a %s', (version, status, finding) => {
    const found = judged(version)
    expect(found).toMatchObject({ check: 'version', status })
    expect(found.finding).toMatch(finding)
    expect(found.advice).toContain(tested.to)
  })
})

describe('askVersion', () => {
  it.each([
    ['prints nothing', 'true', 'printed no version'],
    ['prints something else', 'echo hello', 'printed no version: hello'],
    ['kills itself', 'kill -9 $$', 'was ended by SIGKILL'],
  ])('a binary that %s', async (_what, text, failure) => {
    expect(await askVersion(script(text))).toEqual({ failure })
  })

  it('a file that cannot be run at all', async () => {
    const file = place(join(tempHome(), 'x'), '#!/no/such/interpreter\n', 0o755)
    expect(await askVersion(file)).toEqual({ failure: 'could not be started (ENOENT)' })
  })

  it('a binary that prints without end is ended', async () => {
    const answer = await askVersion(script('yes opencode'))
    expect(answer).toHaveProperty('failure')
  })

  it('ends one that takes too long, with its children, and removes its folder', async () => {
    const file = script('echo $$ > "$0.pid"; sleep 321 & echo $! >> "$0.pid"; wait')
    expect(await askVersion(file, undefined, 500)).toEqual({ failure: 'gave no answer within 0.5 s' })
    const pids = readFileSync(`${file}.pid`, 'utf8').trim().split('\n')
    expect(pids).toHaveLength(2)
    await expect.poll(() => pids.filter(isRunning)).toEqual([])
  })

  it('ends it when it is told to', async () => {
    const controller = new AbortController()
    const file = script('echo $$ > "$0.pid"; sleep 321')
    const asked = askVersion(file, controller.signal)
    await expect.poll(() => readdirSync(join(file, '..'))).toContain(`${basename(file)}.pid`)
    controller.abort()
    expect(await asked).toEqual({ failure: 'was ended by SIGKILL' })
  })

  it('gives it a home and a temporary folder that are gone after', async () => {
    const folder = tempHome()
    const file = script('env > "$0.env"; echo x > "$TMPDIR/f"; mkdir -p "$HOME/.cache"; echo v1.18.33')
    vi.stubEnv('TMPDIR', folder)
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(await askVersion(file)).toEqual({ version: '1.18.33' })
    const env = readFileSync(`${file}.env`, 'utf8')
    for (const name of ['HOME', 'TMPDIR', 'XDG_CONFIG_HOME', 'XDG_CACHE_HOME'])
      expect(env).toMatch(new RegExp(`^${name}=${folder}/opencode-runtime-version-`, 'm'))
    expect(env).not.toContain('OPENCODE_RUNTIME_API_KEY')
    expect(readdirSync(folder)).toEqual([])
  })
})

/** Whether a process runs; a zombie does not. */
function isRunning(pid: string): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

describe('checkListening', () => {
  const listen = async (): Promise<number> => {
    const server = createServer()
    onTestFinished(() => void server.close())
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    return (server.address() as AddressInfo).port
  }

  it('needs no port', async () => {
    expect(await findings(checkListening, doctorContext())).toEqual([
      { check: 'hostname', status: 'ok', finding: '127.0.0.1' },
      { check: 'port', status: 'ok', finding: 'a free one at each start' },
    ])
  })

  it('tells a free port, and gives it back', async () => {
    const server = createServer()
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const { port } = server.address() as AddressInfo
    await new Promise((closed) => server.close(closed))
    for (let i = 0; i < 2; i++) {
      const [, found] = await findings(checkListening, doctorContext({ port }))
      expect(found).toEqual({ check: 'port', status: 'ok', finding: `${port} is free` })
    }
  })

  it('names who has a taken one', async () => {
    const port = await listen()
    const [, found] = await findings(checkListening, doctorContext({ port }))
    expect(found).toMatchObject({ check: 'port', status: 'failure' })
    expect(found?.finding).toMatch(
      process.platform === 'linux'
        ? new RegExp(`${port} is in use by .+ \\(pid ${process.pid}\\)$`)
        : /in use/,
    )
    expect(found?.advice).toMatch(/give another --port/)
  })

  it('refuses an address of another machine, and a name that has none', async () => {
    const [other, port] = await findings(
      checkListening,
      doctorContext({ hostname: '203.0.113.1', port: 4096 }),
    )
    expect(other?.finding).toBe('203.0.113.1 cannot be listened on (EADDRNOTAVAIL)')
    expect(other?.advice).toMatch(/leave --hostname out/)
    expect(port?.status).toBe('skipped')
    const [nameless] = await findings(checkListening, doctorContext({ hostname: 'no-such.invalid' }))
    expect(nameless).toMatchObject({ check: 'hostname', status: 'failure' })
    expect(nameless?.advice).toMatch(/no address here/)
  })

  it('warns of one that other machines reach', async () => {
    const [found] = await findings(checkListening, doctorContext({ hostname: '0.0.0.0' }))
    expect(found).toMatchObject({ status: 'warning' })
  })
})
