import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { checkBinary, versionFinding } from '../../../../src/cli/doctor/binary.ts'
import {
  checkNode,
  checkPlatform,
  checkProc,
  checkShell,
  inspectProc,
  inspectShell,
} from '../../../../src/cli/doctor/host.ts'
import { checkListening } from '../../../../src/cli/doctor/listen.ts'
import { askVersion } from '../../../../src/io/opencode/binary-version.ts'
import { tested } from '../../../../src/io/opencode/versions.ts'
import { doctorContext, doctorKey, findings, place, unresolvable } from '../../../support/doctor.ts'
import { tempHome } from '../../../support/home.ts'

describe('checkPlatform and checkNode', () => {
  it.each([
    ['linux', 'ok', /^Linux/],
    ['darwin', 'warning', /untested: a stop ends the process group/],
    ['win32', 'warning', /untested\. Without process groups and file modes/],
    ['freebsd', 'warning', /^freebsd/],
  ] as const)('checkPlatform reports %s as %s', async (platform, status, finding) => {
    const [found] = await findings(checkPlatform, doctorContext({}, { platform }))
    expect(found).toMatchObject({ check: 'platform', status })
    expect(found?.finding).toMatch(finding)
  })

  it.each([
    ['20.18.3', 'failure'],
    ['20.19.0', 'ok'],
    ['24.1.0', 'ok'],
  ])('checkNode reports Node %s as %s', async (nodeVersion, status) => {
    expect(await findings(checkNode, doctorContext({}, { nodeVersion }))).toMatchObject([{ status }])
  })
})

describe('checkProc and checkShell', () => {
  it.runIf(process.platform === 'linux')('accept this host', async () => {
    expect(await findings(checkProc, doctorContext())).toMatchObject([{ check: 'proc', status: 'ok' }])
    expect(await inspectShell('linux', '/bin/sh')).toMatchObject([{ check: 'shell', status: 'ok' }])
  })

  it('inspectProc fails if /proc is missing or shows only other processes', async () => {
    expect(await inspectProc('linux', '/no/such')).toMatchObject([
      { status: 'failure', finding: '/no/such cannot be read (ENOENT)' },
    ])
    const folder = tempHome()
    expect(await inspectProc('linux', folder)).toMatchObject([
      { status: 'failure', finding: `${folder} does not list this process` },
    ])
    place(join(folder, String(process.pid), 'stat'), '', 0o600)
    const [found] = await inspectProc('linux', folder)
    expect(found?.finding).toMatch(/environ cannot be read \(ENOENT\)/)
    expect(found?.advice).toMatch(/procfs/)
  })

  it('are skipped on platforms without /proc or /bin/sh', async () => {
    const [darwin] = await inspectProc('darwin', '/no/such')
    expect(darwin).toMatchObject({ status: 'skipped' })
    expect(darwin?.finding).toMatch(/a stop ends only the process group, and ps reports its memory/)
    const [win32] = await inspectProc('win32', '/no/such')
    expect(win32).toMatchObject({ status: 'skipped' })
    expect(win32?.finding).toMatch(/memory limits and the search for orphans do not work/)
    expect(await inspectShell('win32', '/no/such')).toMatchObject([{ status: 'skipped' }])
  })

  it('inspectShell warns of a shell that is missing or cannot be run', async () => {
    const plain = place(join(tempHome(), 'sh'), '', 0o644)
    expect(await inspectShell('linux', '/no/sh')).toMatchObject([
      { status: 'warning', finding: '/no/sh cannot be run (ENOENT)' },
    ])
    expect(await inspectShell('linux', plain)).toMatchObject([{ status: 'warning' }])
  })

  it.each([
    ['/usr/sbin/nologin', 'is not a shell'],
    ['/bin/false', 'is not a shell'],
    ['/no/such/zsh', 'does not exist'],
  ])('checkShell warns that the server gets no SHELL if it is %s', async (shell, why) => {
    const [, found] = await findings(
      checkShell,
      doctorContext({}, { env: { SHELL: shell }, platform: 'linux' }),
    )
    expect(found).toMatchObject({
      check: 'shell',
      status: 'warning',
      finding: `SHELL is ${shell}, which ${why}, so the server gets no SHELL`,
    })
    expect(found?.advice).toMatch(/run in bash, or in \/bin\/sh/)
  })

  it.each([{}, { SHELL: '' }, { SHELL: '/bin/sh' }])(
    'checkShell reports nothing about a SHELL that runs commands or is not set: %o',
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

  it('reports the binary, where it was found, and its version', async () => {
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
    expect(installed?.finding).toMatch(/not on PATH; found where the official installer puts it/)
    expect(old).toMatchObject({ status: 'failure' })
  })

  it('rejects a missing binary, and names the flag instead of the option', async () => {
    const [missing, version] = await check('/no/such')
    expect(missing).toEqual({
      check: 'binary',
      status: 'failure',
      finding: '--binary names "/no/such", which does not exist.',
      advice: 'Give an executable opencode, or leave --binary out to search for one.',
    })
    expect(version).toMatchObject({ check: 'version', status: 'skipped' })
    const [nowhere] = await check()
    expect(nowhere?.finding).toMatch(
      /^No opencode binary found: no package opencode-ai .*, not on PATH, and not at /,
    )
    expect(nowhere?.advice).toBe('Run npm install opencode-ai, or give --binary.')
  })

  const stub = 'echo "Error: opencode-ai\'s postinstall script was not run." >&2\nexit 1\n'

  it('rejects the package’s stub without its binary, and gives advice', async () => {
    const root = tempHome()
    const file = place(join(root, 'opencode'), stub, 0o755)
    for (const found of [await check(file), await check(undefined, { path: root })]) {
      expect(found[0]).toMatchObject({ status: 'failure' })
      expect(found[0]?.finding).toMatch(/which is the stub of the package opencode-ai/)
      expect(found[0]?.advice).toMatch(/without --omit=optional/)
    }
  })

  it('reports the platform’s binary in place of the package’s stub', async () => {
    const modules = join(tempHome(), 'node_modules')
    place(join(modules, 'opencode-ai', 'package.json'), '{"name":"opencode-ai"}', 0o644)
    const file = place(join(modules, 'opencode-ai', 'bin', 'opencode.exe'), stub, 0o755)
    const name = `opencode-${process.platform}-${process.arch}`
    place(join(modules, name, 'package.json'), `{"name":"${name}"}`, 0o644)
    const real = place(join(modules, name, 'bin', 'opencode'), `#!/bin/sh\necho ${tested.to}\n`, 0o755)
    const [binary, version] = await check(file)
    expect(binary?.finding).toBe(
      `${real} (given by --binary; used instead of the package's stub ${file}, which cannot run)`,
    )
    expect(version).toMatchObject({ status: 'ok' })
  })

  it('fails for a binary that prints no version, and masks secrets in its output', async () => {
    const env = { ...process.env, OPENCODE_RUNTIME_API_KEY: doctorKey }
    const binary = script(`printf 'bad \\033[31m${doctorKey}\\n  at x' >&2; exit 3`)
    const [, found] = await findings(checkBinary, doctorContext({ binary }, { env }))
    expect(found?.finding).toBe(`${binary} --version exited with code 3: bad ***`)
    expect(found?.advice).toMatch(/npm install opencode-ai/)
  })

  it.each([
    ['9.9.9', 'warning', /was not tested/],
    ['0.0.0-dev-1', 'warning', /was not tested/],
    ['1.1.57', 'failure', /older than/],
    ['1.2.3.4', 'warning', /cannot be read/],
  ])('versionFinding returns for version %s a %s', (version, status, finding) => {
    const found = versionFinding(version)
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
  ])('reports a binary that %s', async (_what, text, failure) => {
    expect(await askVersion(script(text))).toEqual({ failure })
  })

  it('reports a file that cannot be run', async () => {
    const file = place(join(tempHome(), 'x'), '#!/no/such/interpreter\n', 0o755)
    expect(await askVersion(file)).toEqual({ failure: 'could not be started (ENOENT)' })
  })

  it('ends a binary that prints endlessly', async () => {
    const answer = await askVersion(script('yes opencode'))
    expect(answer).toHaveProperty('failure')
  })

  it('ends a binary and its children after the time limit', async () => {
    const file = script('echo $$ > "$0.pid"; sleep 321 & echo $! >> "$0.pid"; wait')
    expect(await askVersion(file, undefined, 500)).toEqual({ failure: 'did not answer within 0.5 s' })
    const pids = readFileSync(`${file}.pid`, 'utf8').trim().split('\n')
    expect(pids).toHaveLength(2)
    await expect.poll(() => pids.filter(isRunning)).toEqual([])
  })

  it('ends the binary when the signal aborts', async () => {
    const controller = new AbortController()
    const file = script('echo $$ > "$0.pid"; sleep 321')
    const asked = askVersion(file, controller.signal)
    await expect.poll(() => readdirSync(join(file, '..'))).toContain(`${basename(file)}.pid`)
    controller.abort()
    expect(await asked).toEqual({ failure: 'was ended by SIGKILL' })
  })

  it('gives the binary a new home and temporary folder, and removes them afterwards', async () => {
    const folder = tempHome()
    const file = script(`env > "$0.env"; echo x > "$TMPDIR/f"; mkdir -p "$HOME/.cache"; echo v${tested.to}`)
    vi.stubEnv('TMPDIR', folder)
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(await askVersion(file)).toEqual({ version: tested.to })
    const env = readFileSync(`${file}.env`, 'utf8')
    for (const name of ['HOME', 'TMPDIR', 'XDG_CONFIG_HOME', 'XDG_CACHE_HOME'])
      expect(env).toMatch(new RegExp(`^${name}=${folder}/opencode-runtime-version-`, 'm'))
    expect(env).not.toContain('OPENCODE_RUNTIME_API_KEY')
    expect(readdirSync(folder)).toEqual([])
  })
})

/** Returns whether a process runs; false for a zombie. */
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

  it('accepts the defaults without a port', async () => {
    expect(await findings(checkListening, doctorContext())).toEqual([
      { check: 'hostname', status: 'ok', finding: '127.0.0.1' },
      { check: 'port', status: 'ok', finding: 'each start chooses a free port' },
    ])
  })

  it('reports a free port, and releases it', async () => {
    const server = createServer()
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const { port } = server.address() as AddressInfo
    await new Promise((closed) => server.close(closed))
    for (let i = 0; i < 2; i++) {
      const [, found] = await findings(checkListening, doctorContext({ port }))
      expect(found).toEqual({ check: 'port', status: 'ok', finding: `${port} is free` })
    }
  })

  it('names the process that listens on a taken port', async () => {
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

  it('rejects an address of another machine, and a name that cannot be resolved', async () => {
    const [other, port] = await findings(
      checkListening,
      doctorContext({ hostname: '203.0.113.1', port: 4096 }),
    )
    expect(other?.finding).toBe('a server cannot listen on 203.0.113.1 (EADDRNOTAVAIL)')
    expect(other?.advice).toMatch(/leave --hostname out/)
    expect(port?.status).toBe('skipped')
    const [nameless] = await findings(checkListening, doctorContext({ hostname: unresolvable }))
    expect(nameless).toMatchObject({ check: 'hostname', status: 'failure' })
    expect(nameless?.advice).toMatch(/cannot resolve the name/)
  })

  it('warns of an address that other machines can reach', async () => {
    const [found] = await findings(checkListening, doctorContext({ hostname: '0.0.0.0' }))
    expect(found).toMatchObject({ status: 'warning' })
  })
})
