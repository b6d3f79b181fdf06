import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { filter, firstValueFrom, take, toArray } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  connect,
  OpenCodeRuntimeError,
  openSession,
  SessionNotFoundError,
  type OpenCodeServer,
  type Reply,
  type Session,
  type Turn,
} from '../../src/index.ts'
import type { ModelRequest, ScriptedModel } from '../../src/testing/index.ts'
import { apiKey, collect, realServer } from '../support/real.ts'
import { ask } from '../support/server-api.ts'
import { startStreamProxy } from '../support/stream-proxy.ts'

const call = (name: string, args: Record<string, unknown>) => ({ toolCalls: [{ name, args }] })
const bash = (command: string) => call('bash', { command, description: command })
const todo = (content: string, status: string) => ({ content, status, priority: 'high' })
const slowly = Array.from({ length: 100 }, (_, i) => `${i} `)

let server: OpenCodeServer
let model: ScriptedModel
let home: string
let repository: string
let close: () => Promise<void>

beforeAll(async () => {
  ;({ server, model, home, close } = await realServer(
    [
      {
        match: 'write a file',
        reply: [call('write', { filePath: 'a.txt', content: 'one\ntwo\n' }), { text: 'ok' }],
      },
      {
        match: 'edit the file',
        reply: [call('edit', { filePath: 'a.txt', oldString: 'two', newString: 'three' }), { text: 'ok' }],
      },
      { match: 'run a command', reply: [bash('echo x > b.txt'), { text: 'ran' }] },
      { match: 'talk slowly', reply: { text: slowly, chunkDelayMs: 50 } },
      { match: 'be short', reply: { text: ['short ', 'and slow'], chunkDelayMs: 400 } },
      {
        match: 'delegate',
        reply: [
          {
            toolCalls: [
              { name: 'task', args: { description: 'job', prompt: 'CHILD', subagent_type: 'general' } },
            ],
            usage: { inputTokens: 1 },
          },
          { text: 'over', usage: { inputTokens: 2 } },
        ],
      },
      { match: 'CHILD', reply: { text: 'child', usage: { inputTokens: 10 } } },
      {
        match: 'both at once',
        reply: [
          { toolCalls: [bash('sleep 0.3; echo a'), bash('echo b')].flatMap(({ toolCalls }) => toolCalls) },
          { text: 'both' },
        ],
      },
      {
        match: 'You called the same tool',
        reply: { text: 'I stop.' },
      },
      {
        match: 'again and again',
        reply: { toolCalls: ['', '', ''].flatMap(() => bash('echo same').toolCalls) },
      },
      {
        match: 'plan it',
        reply: [
          call('todowrite', { todos: [todo('dig', 'in_progress'), todo('fill', 'pending')] }),
          call('todowrite', { todos: [todo('dig', 'completed'), todo('fill', 'in_progress')] }),
          { text: 'planned' },
        ],
      },
      { match: 'fail', reply: { error: { status: 422, message: 'not like this' } } },
      {
        match: '',
        reply: {
          reasoning: ['h', 'm'],
          text: ['Hello', ' world '],
          usage: { inputTokens: 100, outputTokens: 10 },
        },
      },
    ],
    {
      models: [{ id: 'gpt-4o', cost: { input: 1, output: 2 } }],
      config: {
        provider: { litellm: { models: { 'gpt-4o': { variants: { deep: { reasoningEffort: 'high' } } } } } },
      },
      maxRestarts: 10,
      backoffInitialMs: 10,
    },
  ))
  repository = join(home, 'repository')
  mkdirSync(repository)
  const git = (...args: string[]) => execFileSync('git', ['-C', repository, ...args])
  git('init', '-q')
  writeFileSync(join(repository, 'seed.txt'), 'seed\n')
  git('add', '.')
  git('-c', 'user.name=test', '-c', 'user.email=test@localhost', 'commit', '-qm', 'seed')
  await server.ensureRunning()
})
afterAll(() => close())

/** Joins neighbouring pieces of text and of reasoning, and sets `trace_id` to null, as a history does. */
function asHistory(replies: readonly Reply[]): Reply[] {
  const all: Reply[] = []
  for (const reply of replies) {
    const last = all.at(-1)
    const isPiece = reply.kind === 'delta' || reply.kind === 'reasoning'
    if (isPiece && last?.kind === reply.kind) last.content += reply.content
    else all.push({ ...reply, trace_id: null })
  }
  return all
}

/** Returns the texts of the messages that the model received with its last request. */
const lastSeen = (): string =>
  JSON.stringify(
    chats()
      .at(-1)
      ?.messages.filter(({ role }) => role !== 'system'),
  )
const chats = (): ModelRequest[] => model.requests.filter(({ kind }) => kind === 'chat')

const afterDeltas = (turn: Turn, count: number) =>
  firstValueFrom(
    turn.replies$.pipe(
      filter(({ kind }) => kind === 'delta'),
      filter((_, i) => i + 1 === count),
      take(1),
    ),
  )

const textsOf = async (session: Session) => (await session.history()).map(({ text }) => text)

describe('history()', () => {
  it('equals what was told live', async () => {
    const session = server.session()
    const live: Reply[][] = []
    const turns: Turn[] = []
    for (const text of ['hello', 'run a command', 'both at once', 'delegate', 'again and again', 'fail']) {
      turns.push(session.turn({ text, traceId: 't', onPermission: () => ({ reject: 'no more' }) }))
      live.push(asHistory(await collect(turns.at(-1) as Turn)))
    }
    const history = await session.history()
    expect(history.map(({ replies }) => replies)).toEqual(live)
    expect(history.map(({ turnId }) => turnId)).toEqual(turns.map(({ id }) => id))
    expect(history.map(({ usage }) => usage)).toEqual(turns.map(({ usage }) => usage))
    expect(history[0]?.usage.cost_usd).toBeGreaterThan(0)
    expect(history.map(({ at }) => at)).toEqual(history.map(({ at }) => at).toSorted((a, b) => a - b))
  })

  it('equals what was told live of a turn that was cancelled, and waits for a running turn', async () => {
    const session = server.session()
    const cancelled = session.turn('talk slowly')
    const live = collect(cancelled)
    await afterDeltas(cancelled, 5)
    cancelled.cancel()
    const short = session.turn('be short')
    const history = session.history()
    const shortReplies = asHistory(await collect(short))
    const [first, second] = await history
    const { error, ...end } = { error: '', ...asHistory(await live).at(-1) }
    expect(error).toBe('The turn was cancelled')
    expect(first?.replies.at(-1)).toMatchObject({ ...end, code: 'cancelled' })
    expect(first?.replies.slice(0, -1)).toEqual(asHistory(await live).slice(0, -1))
    expect(second?.replies).toEqual(shortReplies)
  })

  it('has attachments, and the prompt without what opencode adds to it', async () => {
    const session = server.session()
    const data = Buffer.from('a note').toString('base64')
    await session.turn({ text: 'look', attachments: [{ mime: 'text/plain', data, filename: 'note.txt' }] })
      .done
    expect(lastSeen()).toContain('a note')
    expect(await session.history()).toMatchObject([
      { text: 'look', attachments: [{ mime: 'text/plain', filename: 'note.txt' }] },
    ])
  })

  it('is server_died for a turn whose server was killed, and is read from the next server', async () => {
    const session = server.session()
    const turn = session.turn('talk slowly')
    await afterDeltas(turn, 3)
    process.kill(server.pid ?? 0, 'SIGKILL')
    expect(await turn.done).toMatchObject({ code: 'server_died' })
    expect(await session.history()).toMatchObject([
      { text: 'talk slowly', replies: [{ code: 'server_died' }] },
    ])
  })

  it('equals what was told live of a turn whose stream was cut', async () => {
    let left = 12
    const proxy = await startStreamProxy(server.baseURL ?? '', {
      onFrame: () => (left-- === 0 ? 'cutAfter' : 'pass'),
    })
    const endpoint = { baseURL: proxy.baseURL, password: server.password ?? '', modelId: 'gpt-4o' }
    const connection = connect(endpoint)
    try {
      const session = connection.session()
      const live = asHistory(await collect(session.turn('be short')))
      expect(left).toBeLessThan(0)
      expect((await session.history()).map(({ replies }) => replies)).toEqual([live])
      expect((await connection.sessions({ limit: 1 }))[0]?.id).toBe(await session.id)
    } finally {
      await connection.close()
      await proxy.close()
    }
  })

  it('waits for a turn that another client runs', async () => {
    const endpoint = { baseURL: server.baseURL ?? '', password: server.password ?? '', modelId: 'gpt-4o' }
    const connection = connect(endpoint)
    try {
      const turn = server.turn('be short')
      await afterDeltas(turn, 1)
      const history = connection.session({ sessionId: (await turn.sessionId) ?? '' }).history()
      expect((await history).map(({ replies }) => replies)).toEqual([asHistory(await collect(turn))])
    } finally {
      await connection.close()
    }
  })
})

describe('fork()', () => {
  it('goes on from before a turn, and leaves the session alone', async () => {
    const session = server.session({ title: 'Origin' })
    for (const text of ['alpha', 'beta', 'gamma']) await session.turn(text).done
    const [, second] = await session.history()
    const fork = await session.fork({ before: second?.messageId ?? '' })
    await fork.turn('delta').done
    expect(lastSeen()).toContain('alpha')
    expect(lastSeen()).not.toMatch(/beta|gamma/)
    expect(await textsOf(fork)).toEqual(['alpha', 'delta'])
    expect(await textsOf(session)).toEqual(['alpha', 'beta', 'gamma'])
    expect(await fork.id).not.toBe(await session.id)
  })

  it('copies the history of a whole session, with its subagents, into the same directory', async () => {
    const session = server.session({ directory: repository })
    await session.turn('delegate').done
    const fork = await session.fork()
    const replies = (turns: Awaited<ReturnType<Session['history']>>) => turns.map((turn) => turn.replies)
    expect(replies(await fork.history())).toEqual(replies(await session.history()))
    const { directory } = await ask<{ directory: string }>(server, `/session/${await fork.id}`)
    expect(directory).toBe(repository)
  })
})

describe('undo() and redo()', () => {
  it('take back the last turn, and put it back: the model sees it no more, or again', async () => {
    const session = server.session()
    for (const text of ['first', 'second', 'third']) await session.turn(text).done
    expect(await session.undo()).toEqual({ files: false })
    expect(await session.undo()).toEqual({ files: false })
    expect(await textsOf(session)).toEqual(['first'])
    await session.redo()
    expect(await textsOf(session)).toEqual(['first', 'second'])
    await session.turn('fourth').done
    expect(lastSeen()).toContain('second')
    expect(lastSeen()).not.toContain('third')
    await session.redo()
    expect(await textsOf(session)).toEqual(['first', 'second', 'fourth'])
  })

  it('take back and put back changes of files inside git, also those of commands', async () => {
    const session = server.session({ directory: repository })
    const files = () => [
      existsSync(join(repository, 'a.txt')) && readFileSync(join(repository, 'a.txt'), 'utf8'),
      existsSync(join(repository, 'b.txt')),
    ]
    for (const text of ['write a file', 'edit the file', 'run a command']) await session.turn(text).done
    expect(files()).toEqual(['one\nthree\n', true])
    expect(await session.undo()).toEqual({ files: true })
    expect(files()).toEqual(['one\nthree\n', false])
    expect(await session.undo()).toEqual({ files: true })
    expect(files()).toEqual(['one\ntwo\n', false])
    await session.redo()
    expect(files()).toEqual(['one\nthree\n', false])
    await session.redo()
    expect(files()).toEqual(['one\nthree\n', true])
    await session.undo()
    await session.undo()
    await session.undo()
    expect(files()).toEqual([false, false])
  })
})

describe('changes()', () => {
  it('lists what the turns of a session changed inside git, file by file', async () => {
    const session = server.session({ directory: repository })
    const written = session.turn('write a file')
    const edited = session.turn('edit the file')
    expect(await written.changes()).toEqual([
      { path: 'a.txt', additions: 2, deletions: 0, patch: expect.stringContaining('+one') as unknown },
    ])
    expect(await edited.changes()).toMatchObject([{ path: 'a.txt', additions: 1, deletions: 1 }])
    expect(await session.changes()).toMatchObject([{ path: 'a.txt', additions: 3, deletions: 1 }])
    await session.undo()
    expect(await session.changes()).toMatchObject([{ path: 'a.txt', additions: 2, deletions: 0 }])
  })

  it('is empty outside of git', async () => {
    const session = server.session()
    const turn = session.turn('write a file')
    expect(await turn.changes()).toEqual([])
    expect(await session.changes()).toEqual([])
  })
})

describe('compact()', () => {
  it('lets the model see a summary instead of the earlier turns, and leaves the history', async () => {
    const session = server.session()
    await session.turn('a long story').done
    const before = await session.history()
    await session.compact()
    await session.turn('go on').done
    expect(lastSeen()).toContain('Scripted summary')
    expect(lastSeen()).not.toContain('a long story')
    const after = await session.history()
    expect(after.map(({ text }) => text)).toEqual(['a long story', 'go on'])
    expect(after[0]).toEqual(before[0])
  })
  it('rejects with the failure of the model', async () => {
    const session = server.session()
    await session.turn('a long story').done
    await server.reconfigure({ proxy: { apiKey: 'sk-wrong-0123456789' } })
    const error: unknown = await session.compact().catch((thrown: unknown) => thrown)
    await server.reconfigure({ proxy: { apiKey } })
    expect(error).toBeInstanceOf(OpenCodeRuntimeError)
    expect((error as Error).message).toMatch(/^The session could not be compacted: auth: Incorrect API key/)
    expect(await textsOf(session)).toEqual(['a long story'])
    expect(await session.turn('go on').done).toMatchObject({ kind: 'final' })
  })
})

describe('sessions() and rename()', () => {
  it('list the sessions of all directories, the latest first, by pages, with their cost', async () => {
    const titles = ['Listed one', 'Listed two', 'Listed three']
    const sessions = [
      server.session({ title: titles[0] as string }),
      server.session({ title: titles[1] as string, directory: repository }),
      server.session({ title: titles[2] as string }),
    ]
    for (const session of sessions) await session.turn('hello').done
    const search = 'Listed'
    const all = await server.sessions({ search })
    expect(all.map(({ title }) => title)).toEqual(titles.toReversed())
    expect(all[1]).toMatchObject({ id: await sessions[1]?.id, directory: repository })
    expect(all[0]?.costUsd).toBeCloseTo(0.00012, 6)
    expect(all[0]?.updatedAt).toBeGreaterThanOrEqual(all[0]?.createdAt ?? Infinity)
    const page = await server.sessions({ search, limit: 2 })
    const rest = await server.sessions({ search, limit: 2, before: page[1]?.id ?? '' })
    expect([page, rest].map((list) => list.map(({ title }) => title))).toEqual([
      ['Listed three', 'Listed two'],
      ['Listed one'],
    ])
    await sessions[0]?.rename('Renamed')
    const info = await ask<{ title: string }>(server, `/session/${(await sessions[0]?.id) ?? ''}`)
    expect(info.title).toBe('Renamed')
  })

  it('find a title by a text with wildcards of opencode, as a text', async () => {
    for (const title of ['At 100% sure', 'At 1000 sure', 'At a_b', 'At axb'])
      await server.session({ title }).id
    const titles = async (search: string) => (await server.sessions({ search })).map(({ title }) => title)
    expect(await titles('100%')).toEqual(['At 100% sure'])
    expect(await titles('AT A_B')).toEqual(['At a_b'])
  })

  it('do not list the sessions of subagents', async () => {
    const session = server.session({ title: 'Boss' })
    await session.turn('delegate').done
    const children = await ask<{ id: string }[]>(server, `/session/${await session.id}/children`)
    expect(children).toHaveLength(1)
    const ids = (await server.sessions()).map(({ id }) => id)
    expect(ids).toContain(await session.id)
    expect(ids).not.toContain(children[0]?.id)
  })
})

describe('a variant', () => {
  it('arrives at the model as the reasoning effort of the config', async () => {
    await server.turn({ text: 'hello', variant: 'deep' }).done
    expect(chats().at(-1)?.body).toMatchObject({ reasoning_effort: 'high' })
    await server.turn({ text: 'hello' }).done
    expect(chats().at(-1)?.body).not.toHaveProperty('reasoning_effort')
  })
})

describe('a note', () => {
  it('is seen by the model with the next turn, and is no turn of its own', async () => {
    const session = server.session({ title: 'Noted' })
    const before = chats().length
    await session.note('The user is called Ada.')
    expect(chats()).toHaveLength(before)
    await session.turn('hello').done
    expect(lastSeen()).toContain('The user is called Ada.')
    await session.note('The user has left.')
    expect((await session.history()).map(({ text, replies }) => [text, replies.length > 0])).toEqual([
      ['The user is called Ada.', false],
      ['hello', true],
      ['The user has left.', false],
    ])
    await session.undo()
    await session.turn('again').done
    expect(lastSeen()).not.toContain('The user has left.')
  })
})

describe('the todo list of an agent', () => {
  it('is emitted as the agent writes it, and the last one after the end', async () => {
    const turn = server.turn('plan it')
    const lists = await firstValueFrom(turn.todos$.pipe(toArray()))
    expect(lists.map((list) => list.map(({ content, status }) => `${content}: ${status}`))).toEqual([
      ['dig: in_progress', 'fill: pending'],
      ['dig: completed', 'fill: in_progress'],
    ])
    expect(await firstValueFrom(turn.todos$)).toEqual(lists[1])
  })
})

describe('the official client', () => {
  it('is connected to the server, which it starts, and works in the directory of the server', async () => {
    await server.stop()
    const client = await server.client()
    const { data } = await client.session.create({ body: { title: 'Made by the SDK' } })
    expect(data?.directory).toBe(server.actor.getSnapshot().context.options.values.directory)
    const session = server.session({ sessionId: data?.id ?? '' })
    await session.turn('hello').done
    const { data: messages } = await client.session.messages({ path: { id: data?.id ?? '' } })
    expect(messages?.map(({ info }) => info.role)).toEqual(['user', 'assistant'])
  })
})

describe('an operation', () => {
  it('rejects for a session that does not exist', async () => {
    const session = openSession(server.actor, { sessionId: 'ses_000000000000000000000000zz' })
    const operations = [
      session.history(),
      session.fork(),
      session.undo(),
      session.redo(),
      session.compact(),
      session.rename('x'),
      session.note('x'),
      session.changes(),
      session.delete(),
    ]
    for (const outcome of await Promise.allSettled(operations)) {
      expect(outcome.status).toBe('rejected')
      expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(SessionNotFoundError)
    }
  })

  it('starts a server that is down', async () => {
    const session = server.session({ title: 'Kept' })
    await session.turn('hello').done
    await server.stop()
    expect(await session.history()).toHaveLength(1)
    await server.stop()
    expect((await server.sessions({ search: 'Kept' })).map(({ title }) => title)).toEqual(['Kept'])
  })
})
