import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, type OpenCodeServer, type Turn } from '../../src/index.ts'
import { collect, realServer } from '../support/real.ts'

/** Time in ms after a prompt within which a plugin loads; 0.5 to 3 s were observed. */
const loadMs = 4_000

const place = realpathSync(mkdtempSync(join(tmpdir(), 'opencode-runtime-directories-')))
const bash = { toolCalls: [{ name: 'bash', args: { command: 'pwd -P', description: 'where' } }] }

let server: OpenCodeServer
let close: () => Promise<void>

beforeAll(async () => {
  ;({ server, close } = await realServer([{ match: 'where', reply: [bash, { text: 'there' }] }]))
  await server.ensureRunning()
})

afterAll(async () => {
  await close()
  rmSync(place, { recursive: true, force: true })
})

/** Creates a directory below the test's folder. */
function make(name: string): string {
  const directory = join(place, name)
  mkdirSync(directory, { recursive: true })
  return directory
}

/** Writes a plugin into a directory; when it runs, it writes a file beside all directories. */
function plant(directory: string, name: string): void {
  mkdirSync(join(directory, '.opencode/plugin'), { recursive: true })
  const code = `import { writeFileSync } from 'node:fs'\nwriteFileSync(${JSON.stringify(join(place, `ran-${name}`))}, '')\n`
  writeFileSync(join(directory, '.opencode/plugin/p.js'), `${code}export const P = async () => ({})\n`)
}

const ran = (): string[] => readdirSync(place).filter((name) => name.startsWith('ran-'))

/** Returns the working directory of the agent's commands in a turn, or the turn's error. */
async function whereOf(turn: Turn): Promise<string> {
  const replies = await collect(turn)
  const last = replies.at(-1)
  if (last?.kind === 'error') return `${last.code}: ${last.error}`
  const said = replies.flatMap((reply) => (reply.kind === 'tool_result' ? [reply.result] : [])).join('')
  return said.replace(/\n$/, '')
}

describe('a turn works in the named directory', () => {
  it.each([
    ['shop_feature%2Flogin', []],
    ['a%2Fb', ['a/b']],
    ['My%20Project', ['My Project']],
    ['100%25', ['100%']],
    ['x%252Fy', ['x%2Fy', 'x/y']],
    ['50%', []],
    ['%E9', []],
    ['x+y#z?a&b=c;d', ['x y#z?a&b=c;d']],
    ['quo"te\'s', []],
    ['🐢 turtle', []],
    ['caf\u00e9', ['cafe\u0301']],
    ['cafe\u0301', ['caf\u00e9']],
    ['new\nline', []],
  ])('%j, even if these directories exist: %j', async (name, others) => {
    for (const other of others) make(other)
    const directory = make(name)
    expect(await whereOf(server.turn({ text: 'where', directory }))).toBe(directory)
  })

  it('by any spelling: a trailing slash, `..`, a link, `..` after a link', async () => {
    const directory = make('spelt/a%2Fb')
    make('spelt/a%2Fb/c')
    symlinkSync('spelt/a%2Fb/c', join(place, 'spelling'))
    for (const spelling of ['spelt/a%2Fb/', 'spelt/./x/../a%2Fb', 'spelling/..']) {
      if (spelling.includes('/x/')) make('spelt/x')
      expect(await whereOf(server.turn({ text: 'where', directory: `${place}/${spelling}` }))).toBe(directory)
    }
  })

  it('in each turn of a session, after a restart, by the id of the session alone, and for its deletion', async () => {
    const directory = make('kept/a%2Fb')
    make('kept/a/b')
    const session = server.session({ directory })
    expect(await whereOf(session.turn('where'))).toBe(directory)
    const sessionId = await session.id
    await server.stop()
    expect(await whereOf(session.turn('where'))).toBe(directory)
    expect(await whereOf(server.turn({ text: 'where', sessionId }))).toBe(directory)
    await session.delete()
    expect(await whereOf(server.turn({ text: 'where', sessionId }))).toMatch(/^session_not_found/)
  })

  it('on a server that another program manages', async () => {
    const connection = connect({
      baseURL: server.baseURL ?? '',
      password: server.password ?? '',
      modelId: 'gpt-4o',
    })
    for (const name of ['far/a%2Fb', 'far/plain', 'far/\u00e9 +#']) {
      const directory = make(name)
      expect(await whereOf(connection.turn({ text: 'where', directory }))).toBe(directory)
    }
    await connection.close()
  })
})

describe('code of a project is rejected, and does not run', () => {
  it('under every spelling of its directory', async () => {
    const evil = make('evil/repo')
    plant(evil, 'evil')
    symlinkSync('evil/repo', join(place, 'innocent'))
    make('evil/repo/sub')
    for (const spelling of [
      'evil/repo',
      'evil/repo/',
      'evil/x/../repo',
      'innocent',
      'innocent/sub/..',
      'evil/repo/sub',
    ])
      expect(await whereOf(server.turn({ text: 'where', directory: `${place}/${spelling}` }))).toMatch(
        // The system does not resolve `..` after a directory that does not exist.
        /^rejected: Invalid turn input directory: (the server would run the project's own code|expected an existing directory)/,
      )
    for (const name of ['evil%2Frepo', 'evil%2frepo', 'evil%252Frepo', '%65vil/repo'])
      expect(await whereOf(server.turn({ text: 'where', directory: join(place, name) }))).toMatch(
        /^rejected: .* expected an existing directory/,
      )
    expect(await whereOf(server.turn({ text: 'where', directory: make('evil\\repo') }))).toMatch(
      /^rejected: .*opencode reads a backslash as a slash/,
    )
    // A directory with the decoded name, if it exists, is another directory.
    for (const name of ['evil%2Frepo', '%65vil/repo'])
      expect(await whereOf(server.turn({ text: 'where', directory: make(name) }))).toBe(join(place, name))
  })

  it('if core.worktree names another folder, and if the name of the worktree ends in spaces', async () => {
    for (const name of ['git/elsewhere', 'git/spaces  ']) {
      const directory = make(name)
      execFileSync('git', ['init', '-q', '.'], { cwd: directory })
      plant(directory, name.replaceAll(/\W/g, '-'))
    }
    execFileSync('git', ['config', 'core.worktree', make('git/other')], { cwd: join(place, 'git/elsewhere') })
    for (const name of ['git/elsewhere', 'git/spaces  '])
      expect(await whereOf(server.turn({ text: 'where', directory: join(place, name) }))).toMatch(
        /^rejected: .* would run the project's own code/,
      )
  })

  it('if it is newer than the session, also on a new server', async () => {
    const directory = make('later')
    const sessionId = await server.session({ directory }).id
    const doomed = await server.session({ directory }).id
    await server.stop()
    plant(directory, 'later')
    expect(await whereOf(server.turn({ text: 'where', sessionId }))).toMatch(
      /^rejected: Invalid directory of the session: the server would run the project's own code/,
    )
    await server.session({ sessionId: doomed }).delete()
    expect(await whereOf(server.turn({ text: 'where', sessionId: doomed }))).toMatch(/^session_not_found/)
  })

  it('if the directory of a session was replaced by a link to it', async () => {
    const directory = make('swapped')
    const session = server.session({ directory })
    expect(await whereOf(session.turn('where'))).toBe(directory)
    rmSync(directory, { recursive: true })
    plant(make('target'), 'target')
    symlinkSync('target', directory)
    expect(await whereOf(session.turn('where'))).toMatch(/^rejected: .* would run the project's own code/)
  })

  it('has not run in any of these tests', async () => {
    await sleep(loadMs)
    expect(ran()).toEqual([])
    expect(existsSync(join(place, 'evil/repo/.opencode/plugin/p.js'))).toBe(true)
  })
})
