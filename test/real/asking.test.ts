import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { filter, firstValueFrom } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { connect, type OpenCodeServer, type PendingRequest, type Turn } from '../../src/index.ts'
import type { ScriptedModel } from '../../src/testing/index.ts'
import { inDirectory, say } from '../conformance/requests.ts'
import { collect, realServer } from '../support/real.ts'
import { expectWhole } from '../support/replies.ts'
import { startStreamProxy } from '../support/stream-proxy.ts'

const place = mkdtempSync(join(tmpdir(), 'opencode-runtime-asking-'))
/** Returns the path of a new file in a folder outside of every workspace; each test has folders of its own. */
function file(folder: string, name: string): string {
  mkdirSync(join(place, folder), { recursive: true })
  writeFileSync(join(place, folder, name), `${name} of ${folder}\n`)
  return join(place, folder, name)
}
const read = (folder: string, name: string) => ({ name: 'read', args: { filePath: file(folder, name) } })
const write = (folder: string, name: string) => ({
  name: 'write',
  args: { filePath: join(place, folder, name), content: 'late' },
})
const options = ['A', 'B'].map((label) => ({ label, description: label }))
const question = (more: object = {}) => ({ question: 'Which?', header: 'pick', options, ...more })
const ask = (...questions: object[]) => ({ toolCalls: [{ name: 'question', args: { questions } }] })
const done = { text: 'went on' }
const task = { description: 'sub', prompt: 'CHILD job', subagent_type: 'general' }
const closed = { code: 'ERR_OPENCODE_REQUEST_CLOSED' }

let server: OpenCodeServer
let model: ScriptedModel
let close: () => Promise<void>

beforeAll(async () => {
  ;({ server, model, close } = await realServer([
    { match: 'read one', reply: [{ toolCalls: [read('one', 'a')] }, done] },
    { match: 'read three', reply: [{ toolCalls: [read('x', 'a'), read('x', 'b'), read('y', 'c')] }, done] },
    { match: 'read two', reply: [{ toolCalls: [read('p', 'a'), read('q', 'b')] }, done] },
    { match: 'A permission was rejected', reply: { text: ' all the same' } },
    { match: 'write late', reply: [{ toolCalls: [write('late', 'b')] }, done] },
    { match: 'read late', reply: [{ toolCalls: [read('late', 'a')] }, done] },
    { match: 'ask one', reply: [ask(question()), done] },
    { match: 'ask two', reply: [ask(question(), question({ multiple: true })), done] },
    { match: 'ask strictly', reply: [ask(question({ custom: false })), done] },
    { match: 'delegate', reply: [{ toolCalls: [{ name: 'task', args: task }] }, done] },
    { match: 'CHILD job', reply: [{ toolCalls: [read('child', 'a')] }, { text: 'child went on' }] },
  ]))
  await server.ensureRunning()
})

afterAll(async () => {
  await close()
  rmSync(place, { recursive: true, force: true })
})

const start = (text: string): Turn => server.turn({ text, onPermission: 'ask', onQuestion: 'ask' })

/** Resolves with the open requests of a turn when there are `count`. */
const open = (turn: Turn, count = 1): Promise<PendingRequest[]> =>
  firstValueFrom(turn.openRequests$.pipe(filter((list) => list.length === count)))
const idOf = (requests: readonly PendingRequest[], index = 0): string => requests[index]?.request.id ?? 'none'
const lengthsOf = (turn: Turn): number[] => {
  const lengths: number[] = []
  turn.openRequests$.subscribe((list) => lengths.push(list.length))
  return lengths
}

/** Returns the results of tools that the model saw in the last request with this prompt. */
const toldModel = (text: string): string =>
  JSON.stringify(model.requests.filter((request) => request.text === text).at(-1)?.messages)

describe('a permission that a person answers', () => {
  it('is given; a second answer and an unknown one are refused', async () => {
    const turn = start('read one')
    const lengths = lengthsOf(turn)
    const [pending] = await open(turn)
    expect(pending).toMatchObject({
      request: { type: 'permission', permission: 'external_directory', patterns: [join(place, 'one', '*')] },
      turnId: turn.id,
      traceId: null,
    })
    const id = pending?.request.id ?? ''
    await expect(turn.answer(id, [['A']])).rejects.toMatchObject({ code: 'ERR_OPENCODE_INVALID_OPTIONS' })
    const answers = [turn.answer(id, 'once'), turn.answer(id, { reject: 'too late' })]
    expect((await Promise.allSettled(answers)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    await expect(turn.answer(id, 'once')).rejects.toMatchObject(closed)
    await expect(turn.answer('per_none', 'once')).rejects.toMatchObject(closed)
    expectWhole(await collect(turn), 'went on')
    expect(toldModel('read one')).toContain('a of one')
    expect(lengths).toEqual([0, 1, 0])
    await expect(turn.answer(id, 'once')).rejects.toMatchObject(closed)
  })

  it('is rejected with the message of the person, which the model reads', async () => {
    const turn = start('read one')
    await turn.answer(idOf(await open(turn)), { reject: 'Ask Zoë.' })
    expectWhole(await collect(turn), 'went on')
    expect(toldModel('read one')).toContain('Ask Zoë.')
  })

  it('given for always closes those beside it that it covers, and no other', async () => {
    const turn = start('read three')
    const all = await open(turn, 3)
    const covering = all.find(({ request }) => JSON.stringify(request).includes(join(place, 'x')))
    await turn.answer(covering?.request.id ?? '', 'always')
    const [left, ...more] = turn.openRequests
    expect(more).toEqual([])
    expect(left?.request).toMatchObject({ patterns: [join(place, 'y', '*')] })
    await turn.answer(left?.request.id ?? '', 'once')
    const replies = await collect(turn)
    expectWhole(replies, 'went on')
    expect(replies.filter((reply) => reply.kind === 'tool_result' && reply.success)).toHaveLength(3)
  })

  it('rejected with a message closes all beside it, and the model goes on', async () => {
    const turn = start('read two')
    const [first, second] = await open(turn, 2)
    await turn.answer(first?.request.id ?? '', { reject: 'Not that one.' })
    expect(turn.openRequests).toEqual([])
    await expect(turn.answer(second?.request.id ?? '', 'once')).rejects.toMatchObject(closed)
    const replies = await collect(turn)
    expectWhole(replies, ' all the same')
    expect(replies).toMatchObject([
      { kind: 'tool_call' },
      { kind: 'tool_call' },
      { kind: 'tool_result', success: false, result: expect.stringContaining('Not that one.') as string },
      { kind: 'tool_result', success: false, result: expect.stringMatching(/tool call\.$/) as string },
      { kind: 'delta' },
      { kind: 'final', finish_reason: 'stop' },
    ])
    const further = model.requests.find(({ text }) => text.startsWith('A permission was rejected'))
    expect(further?.text).toContain('Not that one.')
  })

  it('of a subagent is answered on the turn', async () => {
    const turn = start('delegate')
    const [pending] = await open(turn)
    expect(pending?.request).toMatchObject({ child: true })
    expect(pending?.request.sessionId).not.toBe(await turn.sessionId)
    await turn.answer(pending?.request.id ?? '', 'once')
    expectWhole(await collect(turn), 'went on')
    expect(toldModel('CHILD job')).toContain('a of child')
  })

  it('that another client answers is closed here', async () => {
    const turn = start('read one')
    const id = idOf(await open(turn))
    await say(server, 'POST', inDirectory(server, `/permission/${id}/reply`), { reply: 'once' })
    await open(turn, 0)
    await expect(turn.answer(id, 'reject')).rejects.toMatchObject(closed)
    expectWhole(await collect(turn), 'went on')
    expect(toldModel('read one')).toContain('a of one')
  })

  it('of a cancelled turn is rejected, so that no later answer runs its tool', async () => {
    const session = server.session()
    const written = join(place, 'late', 'b')
    const start = (text: string) => session.turn({ text, onPermission: 'ask' })
    const cancelled = start('write late')
    await open(cancelled)
    cancelled.cancel()
    const next = start('read late')
    await next.answer(idOf(await open(next)), 'always')
    expectWhole(await collect(next), 'went on')
    expect(await say(server, 'GET', inDirectory(server, '/permission'))).toEqual({ status: 200, body: '[]' })
    const [first] = await session.history()
    expect(first?.replies.at(-1)).toMatchObject({ kind: 'error', code: 'cancelled' })
    expect(existsSync(written)).toBe(false)
  })

  it('is closed when its turn is cancelled', async () => {
    const turn = start('read one')
    const lengths = lengthsOf(turn)
    const id = idOf(await open(turn))
    turn.cancel()
    await expect(turn.answer(id, 'once')).rejects.toMatchObject(closed)
    expect(await turn.done).toMatchObject({ code: 'cancelled' })
    expect(lengths).toEqual([0, 1, 0])
  })
})

describe('a question that a person answers', () => {
  it('takes labels, own texts and several labels', async () => {
    const turn = start('ask two')
    const id = idOf(await open(turn))
    await expect(turn.answer(id, [['A']])).rejects.toMatchObject({ code: 'ERR_OPENCODE_INVALID_OPTIONS' })
    await turn.answer(id, [['something else'], ['A', 'B']])
    expectWhole(await collect(turn), 'went on')
    expect(toldModel('ask two')).toContain('something else')
    expect(toldModel('ask two')).toContain('A, B')
  })

  it('allows own texts whatever the model says, because the tool of opencode takes no `custom`', async () => {
    const turn = start('ask strictly')
    const [pending] = await open(turn)
    expect(pending?.request).toMatchObject({ questions: [{ question: 'Which?', options }] })
    expect(JSON.stringify(pending?.request)).not.toContain('custom')
    await turn.answer(pending?.request.id ?? '', [['my own']])
    expectWhole(await collect(turn), 'went on')
    expect(toldModel('ask strictly')).toContain('my own')
  })

  it('can be dismissed, which ends the turn', async () => {
    const turn = start('ask one')
    await turn.answer(idOf(await open(turn)), 'reject')
    expect(await turn.done).toMatchObject({ kind: 'final', finish_reason: 'tool-calls' })
  })
})

describe('an open request on a connection', () => {
  /** Opens a connection to the server through a proxy that can cut the event stream. */
  async function through(requestTimeoutMs: number) {
    const proxy = await startStreamProxy(server.baseURL ?? '')
    const endpoint = { baseURL: proxy.baseURL, password: server.password ?? '', modelId: 'gpt-4o' }
    const connection = connect({ ...endpoint, requestTimeoutMs, onPermission: 'ask' })
    onTestFinished(async () => {
      await connection.close()
      await proxy.close()
    })
    return { proxy, turn: connection.turn('read one') }
  }

  it('is rejected with a message at its time limit', async () => {
    const { turn } = await through(300)
    const id = idOf(await open(turn))
    expectWhole(await collect(turn), 'went on')
    expect(toldModel('read one')).toContain('No answer came in time')
    await expect(turn.answer(id, 'once')).rejects.toMatchObject(closed)
  })

  it('survives a cut of the stream, and is answered after it', async () => {
    const { proxy, turn } = await through(60_000)
    const lengths = lengthsOf(turn)
    const id = idOf(await open(turn))
    proxy.cut()
    await firstValueFrom(turn.status$.pipe(filter(({ state }) => state === 'resyncing')))
    await firstValueFrom(turn.status$.pipe(filter(({ state }, i) => state === 'running' && i > 1)))
    expect(turn.openRequests).toHaveLength(1)
    await turn.answer(id, 'once')
    expectWhole(await collect(turn), 'went on')
    expect(lengths).toEqual([0, 1, 0])
  })

  it('leaves the list if another client answered it while the stream was cut', async () => {
    const { proxy, turn } = await through(60_000)
    const lengths = lengthsOf(turn)
    const id = idOf(await open(turn))
    proxy.faults.isRefusing = true
    proxy.cut()
    await say(server, 'POST', inDirectory(server, `/permission/${id}/reply`), { reply: 'once' })
    proxy.faults.isRefusing = false
    expectWhole(await collect(turn), 'went on')
    expect(lengths).toEqual([0, 1, 0])
    await expect(turn.answer(id, 'once')).rejects.toMatchObject(closed)
  })
})
