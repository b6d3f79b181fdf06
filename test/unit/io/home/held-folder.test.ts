import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { agentUserOf, homeOwnerOf, type AgentUser } from '../../../../src/config/agent-user.ts'
import { compileOptions } from '../../../../src/config/options.ts'
import { Secrets } from '../../../../src/config/secrets.ts'
import { secretOptions } from '../../../../src/config/compiled-options.ts'
import { InvalidOptionsError } from '../../../../src/errors.ts'
import { holdFolder } from '../../../../src/io/home/held-folder.ts'
import { lockHome } from '../../../../src/io/home/home-lock.ts'
import { readPlainFile } from '../../../../src/io/home/plain-file.ts'
import { replaceFile } from '../../../../src/io/home/private-file.ts'
import { readRecord, removeRecord, writeRecord } from '../../../../src/io/home/server-record.ts'
import { stateFolder } from '../../../../src/io/home/state-folder.ts'
import { emptyTempFolder, tempFolder } from '../../../../src/io/home/temp-folder.ts'
import { requireAccess } from '../../../../src/io/home/user-access.ts'
import { openServeLog } from '../../../../src/io/process/serve-log.ts'
import { configFile, writeConfigFile } from '../../../../src/io/opencode/config-file.ts'
import { hostPluginFile, writeHostPlugin } from '../../../../src/io/opencode/host-plugin.ts'
import { settlePluginPackage } from '../../../../src/io/opencode/plugin-package.ts'
import { hostTool } from '../../../../src/config/host-tool.ts'
import { tempHome } from '../../../support/home.ts'

const user = { uid: 65_534, gid: 65_534 }
const look = hostTool({
  description: 'Looks',
  input: z.object({ id: z.string() }),
  execute: () => 'x',
})
const ownerOf = (path: string) => statSync(path).uid

const isRoot = process.platform === 'linux' && process.geteuid?.() === 0
if (!isRoot) console.warn('NOT TESTED: the home of another user (options uid and gid). Run as root on Linux.')

/** Returns a home that belongs to the other user, and a folder of root that the user must not get. */
function homes(): { home: string; treasure: string } {
  const place = tempHome()
  chmodSync(place, 0o755)
  const [home, treasure] = [join(place, 'home'), join(place, 'treasure')]
  mkdirSync(treasure, { mode: 0o755 })
  writeFileSync(join(treasure, 'opencode.json'), 'of root')
  holdFolder(home, [], user, 'user').close()
  return { home, treasure }
}

const logOf = (home: string) => join(stateFolder(home), 'serve.log')

/** Writes a text to the log of a server, and resolves when the log is closed. */
async function logged(home: string, owner: AgentUser, text: string): Promise<void> {
  const log = openServeLog(home, new Secrets([]), () => undefined, owner)
  log.input().end(text)
  await log.closed
}

/** Runs a command as the other user. */
const asUser = (script: string, cwd: string) => execFileSync('/bin/sh', ['-c', script], { ...user, cwd })

const optionsOf = (home: string) =>
  compileOptions({
    ...{ home, ...user, models: ['gpt-4o'] },
    proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-held-key' },
  })

async function writeConfig(home: string): Promise<string> {
  const options = optionsOf(home)
  return writeConfigFile(options.values, secretOptions(options))
}

describe.runIf(isRoot)('holdFolder', () => {
  it('makes the folders for the user, and the last for the host if the host keeps it', () => {
    const { home } = homes()
    const held = holdFolder(home, ['.local', 'state', 'opencode-runtime'], user, 'host')
    expect(realpathSync(held.path)).toBe(stateFolder(home))
    held.close()
    held.close()
    expect(ownerOf(home)).toBe(user.uid)
    expect(statSync(home).mode & 0o777).toBe(0o700)
    expect(ownerOf(join(home, '.local/state'))).toBe(user.uid)
    expect(ownerOf(stateFolder(home))).toBe(0)
  })

  it('takes an empty home of root, and no other home', () => {
    const [empty, used] = [tempHome(), tempHome()]
    holdFolder(empty, [], user, 'user').close()
    expect(ownerOf(empty)).toBe(user.uid)
    writeFileSync(join(used, 'file'), '')
    const hold = () => holdFolder(used, [], user, 'user')
    expect(hold).toThrow(InvalidOptionsError)
    expect(hold).toThrow(
      `to belong to user 65534, got user 0. Change the owner: chown -R 65534:65534 ${used}`,
    )
    expect(ownerOf(used)).toBe(0)
  })

  it.each([
    ['a link', 'ln -s ../treasure .config'],
    ['a file', 'touch .config'],
    ['a pipe', 'mkfifo .config'],
  ])('refuses %s in the place of a folder, and changes nothing behind it', async (_, script) => {
    const { home, treasure } = homes()
    asUser(script, home)
    await expect(writeConfig(home)).rejects.toThrow(InvalidOptionsError)
    await expect(writeConfig(home)).rejects.toThrow(`${join(home, '.config')}", got a link or a file`)
    expect([ownerOf(treasure), statSync(treasure).mode & 0o777]).toEqual([0, 0o755])
    expect(readFileSync(join(treasure, 'opencode.json'), 'utf8')).toBe('of root')
  })

  it('leads to the same folder after its path was replaced by a link', async () => {
    const { home, treasure } = homes()
    const held = holdFolder(home, ['.config'], user, 'user')
    renameSync(join(home, '.config'), join(home, 'moved'))
    symlinkSync(treasure, join(home, '.config'))
    await replaceFile(join(held.path, 'opencode.json'), 'new', { owner: user })
    held.close()
    expect(readFileSync(join(home, 'moved', 'opencode.json'), 'utf8')).toBe('new')
    expect(readFileSync(join(treasure, 'opencode.json'), 'utf8')).toBe('of root')
  })

  it('refuses a state folder that the agent made, because its content may be forged', () => {
    const { home } = homes()
    asUser('mkdir -p .local/state/opencode-runtime', home)
    expect(() => lockHome(home, user)).toThrow(/to belong to the host's user 0, got user 65534.*Remove it/)
  })

  it('leaves no descriptor open', async () => {
    const { home } = homes()
    const open = () => readdirSync('/proc/self/fd').length
    await writeConfig(home)
    const before = open()
    lockHome(home, user).release()
    await writeConfig(home)
    expect(() => holdFolder(tempHome(), ['a', 'b'], user, 'user').close()).not.toThrow()
    expect(open()).toBe(before)
  })
})

describe.runIf(isRoot)("the files of another user's home", () => {
  it('belong to the user, with mode 0600, and the lock and the record to the host', async () => {
    const { home } = homes()
    const lock = lockHome(home, user)
    await writeConfig(home)
    await writeHostPlugin(home, { look: look }, user)
    await settlePluginPackage(home, {}, user)
    await emptyTempFolder(home, user)
    const record = { pid: process.pid, command: ['opencode', 'serve'], hostname: '127.0.0.1', port: 4096 }
    const marker = '5f0c3a52-6f0c-4f6e-9d3c-5a52b1f0c3a5'
    expect(writeRecord(home, { ...record, username: 'opencode', marker }, user)).toBe(true)
    expect(readRecord(home, user)).toMatchObject(record)
    for (const path of [configFile(home), hostPluginFile(home), tempFolder(home), join(home, 'workspace')])
      expect([path, ownerOf(path)]).toEqual([path, user.uid])
    expect(statSync(configFile(home)).mode & 0o777).toBe(0o600)
    expect(ownerOf(join(home, '.config/opencode/package-lock.json'))).toBe(user.uid)
    expect(ownerOf(join(stateFolder(home), 'server.json'))).toBe(0)
    expect(() =>
      asUser(`cat ${configFile(home)} >/dev/null && ! ls ${stateFolder(home)} 2>/dev/null`, home),
    ).not.toThrow()
    removeRecord(home, marker, user)
    expect(readRecord(home, user)).toBeUndefined()
    lock.release()
  })

  it('replaces a link in the place of the config, and leaves the target alone', async () => {
    const { home, treasure } = homes()
    await writeConfig(home)
    asUser(`ln -sf ${join(treasure, 'opencode.json')} .config/opencode/opencode.json`, home)
    await writeConfig(home)
    expect(readFileSync(join(treasure, 'opencode.json'), 'utf8')).toBe('of root')
    expect(readFileSync(configFile(home), 'utf8')).toContain('sk-held-key')
  })

  it('empties the temporary folder with the rights of the user', async () => {
    const { home, treasure } = homes()
    asUser(`mkdir -p .cache && ln -s ${treasure} .cache/tmp`, home)
    await emptyTempFolder(home, user)
    expect(existsSync(join(treasure, 'opencode.json'))).toBe(true)
    expect(ownerOf(tempFolder(home))).toBe(user.uid)
  })
})

describe.runIf(process.platform === 'linux')('the home of an agent in a sandbox (option spawn)', () => {
  const own = homeOwnerOf({ spawn: () => [] }) ?? user
  const write = (home: string) => {
    const options = compileOptions({
      ...{ home, models: ['gpt-4o'], spawn: (argv: readonly string[]) => argv },
      proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-held-key' },
    })
    return writeConfigFile(options.values, secretOptions(options))
  }

  it('is guarded only if the option is set', () => {
    expect(homeOwnerOf({})).toBeUndefined()
    expect(own).toEqual({ uid: process.geteuid?.(), gid: process.getegid?.() })
    expect(homeOwnerOf({ spawn: () => [], ...user })).toEqual(user)
  })

  it('leads to no file outside, whatever links the agent has made in it', async () => {
    const [home, outside] = [tempHome(), tempHome()]
    const target = join(outside, 'file')
    writeFileSync(target, 'of the host')
    mkdirSync(join(outside, 'tmp'))
    await write(home)
    lockHome(home, own).release()
    const marker = '5f0c3a52-6f0c-4f6e-9d3c-5a52b1f0c3a5'
    for (const link of [configFile(home), join(stateFolder(home), 'server.json'), logOf(home)]) {
      rmSync(link, { force: true })
      symlinkSync(target, link)
    }
    symlinkSync(outside, join(home, '.cache'))
    await write(home)
    await emptyTempFolder(home, own)
    const record = { pid: process.pid, command: ['opencode', 'serve'], hostname: '127.0.0.1', port: 4096 }
    expect(writeRecord(home, { ...record, username: 'opencode', marker }, own)).toBe(true)
    expect(readRecord(home, own)?.port).toBe(4096)
    await logged(home, own, 'a line of the agent')
    expect(readFileSync(target, 'utf8')).toBe('of the host')
    expect(existsSync(join(outside, 'tmp'))).toBe(true)
    expect(readFileSync(logOf(home), 'utf8')).toBe('a line of the agent\n')
  })

  it('takes no pipe for a lock, whose reader would wait without end', () => {
    const home = tempHome()
    lockHome(home, own).release()
    execFileSync('mkfifo', [join(stateFolder(home), 'host.lock.9')])
    expect(() => lockHome(home, own).release()).not.toThrow()
  })
})

describe.runIf(isRoot)('requireAccess', () => {
  it('resolves if the user can use all paths, and names the path that the user cannot use', async () => {
    const { home, treasure } = homes()
    const check = (paths: object) =>
      requireAccess(user, { home, directory: home, binary: '/bin/sh', ...paths })
    await expect(check({})).resolves.toBeUndefined()
    chownSync(treasure, 0, 0)
    chmodSync(treasure, 0o700)
    await expect(check({ home: treasure })).rejects.toThrow(`enter the home "${treasure}", got 65534`)
    await expect(check({ directory: treasure })).rejects.toThrow(`enter the directory "${treasure}"`)
    await expect(check({ binary: join(treasure, 'opencode') })).rejects.toThrow('run the binary')
    await expect(check({ binary: undefined })).resolves.toBeUndefined()
    expect(agentUserOf(optionsOf(home).values)).toEqual(user)
  })
})

describe('readPlainFile', () => {
  it('returns the text of a file, and undefined for a pipe', async () => {
    const home = tempHome()
    writeFileSync(join(home, 'file'), 'text')
    expect(await readPlainFile(join(home, 'file'))).toBe('text')
    await expect(readPlainFile(join(home, 'none'))).rejects.toThrow('ENOENT')
    if (process.platform === 'win32') return
    execFileSync('mkfifo', [join(home, 'pipe')])
    expect(await readPlainFile(join(home, 'pipe'))).toBeUndefined()
  })
})
