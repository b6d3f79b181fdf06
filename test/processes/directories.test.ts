import {
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connect, InvalidOptionsError, type Turn } from '../../src/index.ts'
import { fakeServer } from '../support/fake.ts'
import { tempHome } from '../support/home.ts'
import { collect } from '../support/real.ts'

const script = [
  { match: 'where', reply: [{ toolCalls: [{ name: 'bash', args: { command: 'pwd' } }] }, { text: 'there' }] },
]

/** Creates a folder for the directories of a test. */
const place = (): string => realpathSync(tempHome())

/** Returns the working directory of the agent's commands in a turn, or the turn's error. */
async function whereOf(turn: Turn): Promise<string> {
  const replies = await collect(turn)
  const last = replies.at(-1)
  if (last?.kind === 'error') return `${last.code}: ${last.error}`
  return replies.flatMap((reply) => (reply.kind === 'tool_result' ? [reply.result] : [])).join('')
}

describe("a turn's directory", () => {
  it('is the named directory, also if its name decodes to the name of another directory', async () => {
    const { server } = await fakeServer({}, { script })
    const base = place()
    for (const name of [
      'a/b',
      'a%2Fb',
      'My Project',
      'My%20Project',
      '100%',
      '100%25',
      'caf\u00e9',
      'cafe\u0301',
    ]) {
      const directory = join(base, name)
      mkdirSync(directory, { recursive: true })
      expect(await whereOf(server.turn({ text: 'where', directory }))).toBe(`${directory}\n`)
      const session = server.session({ directory: `${directory}/` })
      expect(await whereOf(session.turn('where'))).toBe(`${directory}\n`)
      expect(await whereOf(server.turn({ text: 'where', sessionId: await session.id }))).toBe(
        `${directory}\n`,
      )
    }
  })

  it('is checked before each prompt: a missing directory rejects the prompt by name, and the session continues later', async () => {
    const { server, fake } = await fakeServer({}, { script })
    const base = place()
    const directory = join(base, 'work')
    mkdirSync(directory)
    const session = server.session({ directory })
    expect(await whereOf(session.turn('where'))).toBe(`${directory}\n`)
    renameSync(directory, join(base, 'moved'))
    const asked = fake.requests.length
    expect(await whereOf(session.turn('where'))).toBe(
      'rejected: Invalid directory of the session: expected an existing directory, got "…/work" (ENOENT)',
    )
    expect(await whereOf(server.turn({ text: 'where', directory }))).toMatch(
      /^rejected: Invalid turn input directory: expected an existing directory, got "…\/work"/,
    )
    expect(await whereOf(server.session({ directory }).turn('where'))).toMatch(
      /^rejected: Invalid session option directory: expected an existing directory/,
    )
    await expect(server.session({ directory }).id).rejects.toBeInstanceOf(InvalidOptionsError)
    // A health probe may come at any time.
    const since = fake.requests.slice(asked).filter(({ url }) => url !== '/global/health')
    expect(since).toEqual([])
    symlinkSync('moved', directory)
    expect(await whereOf(session.turn('where'))).toBe(`${join(base, 'moved')}\n`)
    rmSync(directory)
    renameSync(join(base, 'moved'), directory)
    expect(await whereOf(session.turn('where'))).toBe(`${directory}\n`)
  })

  it.each([
    [2, ', its percent escapes decoded. '],
    [0, '. '],
  ])(
    'is rejected, and its session deleted, if opencode decodes the header %i times',
    async (headerDecodes, how) => {
      const { server, fake } = await fakeServer({ headerDecodes }, { script, warmUp: false })
      const directory = join(place(), 'a%2Fb')
      mkdirSync(directory)
      for (const turn of [
        server.turn({ text: 'where', directory }),
        server.session({ directory }).turn('where'),
      ]) {
        const said = await whereOf(turn)
        expect(said).toMatch(/^rejected: Invalid (turn input|session option) directory: opencode took /)
        expect(said).toContain(`"…/a%2Fb" for another directory${how}Rename`)
      }
      const asked = fake.requests.map(({ method, url }) => `${method} ${url.replace(/ses_\w+/, '{id}')}`)
      expect(asked.filter((each) => each === 'DELETE /session/{id}')).toHaveLength(2)
      expect(asked.filter((each) => each.includes('prompt_async'))).toEqual([])
    },
  )

  it('is sent unchanged to a server of another program, where a decoded name is also detected', async () => {
    const { server } = await fakeServer({}, { script })
    await server.ensureRunning()
    const base = place()
    mkdirSync(join(base, 'a%2Fb'))
    symlinkSync('a%2Fb', join(base, 'link'))
    const connection = connect({
      baseURL: server.baseURL ?? '',
      password: server.password ?? '',
      modelId: 'gpt-4o',
    })
    onTestFinished(() => connection.close())
    for (const name of ['a%2Fb', 'link', 'a%2Fb/'])
      expect(await whereOf(connection.turn({ text: 'where', directory: `${base}/${name}` }))).toBe(
        `${base}/a%2Fb\n`,
      )

    const decoding = await fakeServer({ headerDecodes: 2 }, { script, warmUp: false })
    await decoding.server.ensureRunning()
    const { baseURL = '', password = '' } = decoding.server
    const other = connect({ baseURL, password, modelId: 'gpt-4o' })
    onTestFinished(() => other.close())
    expect(await whereOf(other.turn({ text: 'where', directory: join(base, 'a%2Fb') }))).toMatch(
      /^rejected: Invalid turn input directory: opencode took "…\/a%2Fb" for another directory, its percent escapes decoded/,
    )
  })
})

describe("a server's directory", () => {
  it('is rejected by name at the start if it does not exist, without a spawn; the server starts when it exists', async () => {
    const directory = join(place(), 'gone')
    const { server, fake } = await fakeServer({}, { script, directory })
    const failed = server.ensureRunning()
    await expect(failed).rejects.toBeInstanceOf(InvalidOptionsError)
    await expect(failed).rejects.toMatchObject({
      retryable: false,
      message: `Invalid option directory: expected an existing directory, got ${JSON.stringify(directory)} (ENOENT)`,
    })
    expect(existsSync(directory)).toBe(false)
    expect(fake.starts).toEqual([])
    expect(await server.turn('where').done).toMatchObject({ kind: 'error', code: 'server_unavailable' })
    writeFileSync(directory, '')
    await expect(server.ensureRunning()).rejects.toThrow('(ENOTDIR)')
    rmSync(directory)
    mkdirSync(directory)
    await server.ensureRunning()
    expect(await whereOf(server.turn('where'))).toBe(`${directory}\n`)
  })

  it('may be given with an escape, by a link, and with a trailing slash', async () => {
    const base = place()
    mkdirSync(join(base, 'a%2Fb'))
    symlinkSync('a%2Fb', join(base, 'link'))
    const { server, fake } = await fakeServer({}, { script, directory: `${base}/link/` })
    expect(await whereOf(server.turn('where'))).toBe(`${base}/a%2Fb\n`)
    await server.stop()
    const named = fake.requests.filter(({ url }) => /^\/(session|config|tui)/.test(url))
    expect(new Set(named.map(({ directory }) => directory))).toEqual(new Set([`${base}/a%2Fb`]))
  })

  it('is created if it is the workspace of the home', async () => {
    const { server, home } = await fakeServer({}, { script })
    expect(await whereOf(server.turn('where'))).toBe(`${join(realpathSync(home), 'workspace')}\n`)
    expect(readdirSync(home)).toContain('workspace')
  })
})

it('a session is deleted even if its directory was removed', async () => {
  const { server, fake } = await fakeServer({}, { script })
  const directory = join(place(), 'work')
  mkdirSync(directory)
  const sessionId = await server.session({ directory }).id
  await server.stop()
  rmSync(directory, { recursive: true })
  await server.session({ sessionId }).delete()
  const asked = fake.requests.map(({ method, url }) => `${method} ${url}`)
  expect(asked).toContain(`DELETE /session/${sessionId}`)
  expect(asked).not.toContain(`POST /session/${sessionId}/abort`)
  expect(await server.turn({ text: 'where', sessionId }).done).toMatchObject({ code: 'session_not_found' })
})
