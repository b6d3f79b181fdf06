import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { firstValueFrom, toArray } from 'rxjs'
import { describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { connect, InvalidOptionsError, openSession, StoppedError } from '../../src/index.ts'
import type { FakeRequest, FakeRule } from '../../src/testing/index.ts'
import { fakeServer } from '../support/fake.ts'
import { messagesOf } from '../support/server-api.ts'

const call = (name: string, args: Record<string, unknown>) => ({ toolCalls: [{ name, args }] })
const script: FakeRule[] = [
  {
    match: 'write',
    reply: [call('write', { filePath: 'a.txt', content: 'one\ntwo\n' }), { text: 'written' }],
  },
  {
    match: 'edit',
    reply: [call('edit', { filePath: 'a.txt', oldString: 'two', newString: 'three' }), { text: 'edited' }],
  },
]

describe.runIf(process.platform !== 'win32')('a conversation on a fake opencode', () => {
  it('takes back and puts back changes of files inside a git repository, and lists them', async () => {
    const { server, home } = await fakeServer({}, { script })
    const directory = join(home, 'repository')
    mkdirSync(directory)
    execFileSync('git', ['init', '-q', directory])
    const session = server.session({ directory })
    const written = session.turn('write')
    const edited = session.turn('edit')
    expect(await written.changes()).toMatchObject([{ path: 'a.txt', additions: 2, deletions: 0 }])
    expect(await edited.changes()).toMatchObject([{ path: 'a.txt', additions: 1, deletions: 1 }])
    expect(await session.changes()).toMatchObject([{ additions: 3, deletions: 1 }])
    const content = () =>
      existsSync(join(directory, 'a.txt')) && readFileSync(join(directory, 'a.txt'), 'utf8')
    expect(await session.undo()).toEqual({ files: true })
    expect(content()).toBe('one\ntwo\n')
    expect(await session.undo()).toEqual({ files: true })
    expect(content()).toBe(false)
    await session.redo()
    expect(content()).toBe('one\ntwo\n')
    await session.redo()
    expect(content()).toBe('one\nthree\n')
  })

  it('is read from the next server if its server crashed', async () => {
    const { server } = await fakeServer([{}, {}], { script, backoffInitialMs: 10 })
    const session = server.session()
    await session.turn('echo:hi').done
    process.kill(server.pid ?? 0, 'SIGKILL')
    expect((await session.history()).map(({ text }) => text)).toEqual(['echo:hi'])
  })

  it('has a note once, whose server died at that moment', async () => {
    const { server, fake } = await fakeServer([{}, {}], { script, backoffInitialMs: 10 })
    const session = server.session({ agent: 'plan' })
    await session.turn('echo:hi').done
    const isNote = ({ url, body }: FakeRequest) => url.includes('/message') && 'noReply' in Object(body)
    const noted = session.note('The user has left.')
    await vi.waitUntil(() => fake.requests.some(isNote), { interval: 1, timeout: 15_000 })
    process.kill(server.pid ?? 0, 'SIGKILL')
    await noted
    expect((await session.history()).map(({ text, replies }) => [text, replies.length > 0])).toEqual([
      ['echo:hi', true],
      ['The user has left.', false],
    ])
    expect(fake.requests.find(isNote)?.body).toMatchObject({ agent: 'plan', noReply: true })
  })

  it('takes a note as its first text', async () => {
    const { server } = await fakeServer({}, { script })
    const session = server.session()
    await session.note('The user is called Ada.')
    expect(await session.turn('echo:hi').text()).toBe('hi')
    expect((await session.history()).map(({ text }) => text)).toEqual(['The user is called Ada.', 'echo:hi'])
  })

  it('has the todo list that its agent wrote while the stream was cut', async () => {
    const todo = (status: string) => ({ content: 'dig', status, priority: 'high' })
    const plan = (status: string) => call('todowrite', { todos: [todo(status)] })
    const reply = [plan('in_progress'), plan('completed'), { text: ['all', 'dug'], chunkDelayMs: 300 }]
    const faults = { cutStreamAfterEvents: 5 }
    const { server, fake } = await fakeServer(faults, { script: [{ match: 'dig', reply }] })
    const turn = server.turn('dig')
    const lists = await firstValueFrom(turn.todos$.pipe(toArray()))
    expect(lists.at(-1)).toEqual([todo('completed')])
    expect(lists.length).toBeLessThan(2)
    const streams = fake.requests.filter(({ url }) => url.startsWith('/global/event'))
    expect(streams.length).toBeGreaterThan(1)
  })

  it('sends the variant with the prompt', async () => {
    const { server, fake } = await fakeServer()
    await server.turn({ text: 'hello', variant: 'deep' }).done
    const prompt = fake.requests.find(({ url }) => url.endsWith('/prompt_async'))
    expect(prompt?.body).toMatchObject({ variant: 'deep' })
  })

  it('works through a connection, and ends with the connection', async () => {
    const { server } = await fakeServer()
    await server.ensureRunning()
    const { baseURL = '', password = '' } = server
    const connection = connect({ baseURL, password, modelId: 'gpt-4o' })
    const session = connection.session()
    await session.turn('hello').done
    const fork = await session.fork()
    expect(await fork.history()).toHaveLength(1)
    expect((await connection.sessions()).map(({ id }) => id).sort()).toEqual(
      [await session.id, await fork.id].sort(),
    )
    const turn = session.turn('hang')
    const waiting = session.history()
    const outcome = expect(waiting).rejects.toBeInstanceOf(StoppedError)
    await connection.close()
    await outcome
    expect(await turn.done).toMatchObject({ code: 'cancelled' })
  })

  it('is forked before a turn only, also before a first turn with a typed answer', async () => {
    const { server } = await fakeServer()
    const typed = server.session()
    await typed.turn({ text: 'output:{"n":1}', output: z.object({ n: z.number() }) }).done
    const [first] = await typed.history()
    const fork = await typed.fork({ before: first?.messageId ?? '' })
    expect(await fork.history()).toEqual([])
    const session = server.session()
    await session.turn('hello').done
    const messages = await messagesOf(server, await session.id)
    const answer = messages.find(({ info }) => info.role === 'assistant')?.info.id ?? ''
    await expect(session.fork({ before: answer })).rejects.toThrow(
      `expected the messageId of a turn of session ${await session.id}, got "${answer}"`,
    )
  })

  it('finds a title by a text with wildcards of the server, as a text', async () => {
    const { server } = await fakeServer()
    for (const title of ['100% sure', '1000 sure', 'a_b', 'axb (1)']) await server.session({ title }).id
    const titles = async (search: string) => (await server.sessions({ search })).map(({ title }) => title)
    expect(await titles('100%')).toEqual(['100% sure'])
    expect(await titles('A_B')).toEqual(['a_b'])
    expect(await titles('b (')).toEqual(['axb (1)'])
  })

  it('refuses bad options before any request', async () => {
    const { server, fake } = await fakeServer()
    const session = openSession(server.actor, {})
    const refused = [
      session.rename(''),
      session.note(''),
      session.fork({ before: 'nonsense' }),
      server.sessions({ limit: 0 }),
      server.sessions({ before: 'x' }),
    ]
    for (const promise of refused) await expect(promise).rejects.toBeInstanceOf(InvalidOptionsError)
    expect(fake.starts).toHaveLength(0)
  })
})
