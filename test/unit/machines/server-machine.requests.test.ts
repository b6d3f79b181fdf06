import { describe, expect, it } from 'vitest'
import type { InputRequest, PendingRequest, Turn } from '../../../src/index.ts'
import { HttpError } from '../../../src/io/opencode/client.ts'
import { startServer, type TestServer } from '../../support/machine-harness.ts'

const asked = (id: string, sessionID: string) => ({
  ...{ id, sessionID, permission: 'bash', patterns: ['rm *'], metadata: {}, always: ['rm *'] },
})
const closedError = { code: 'ERR_OPENCODE_REQUEST_CLOSED' }
const ids = (open: readonly PendingRequest[]): string[] => open.map(({ request }) => request.id)

/** Starts a turn with the policy `'ask'` on a healthy server, and records its requests and lists. */
async function asking(server: TestServer, more: object = {}) {
  const turn = server.turn({ text: 'x', onPermission: 'ask', onQuestion: 'ask', ...more })
  const requests: InputRequest[] = []
  const lists: (string[] | 'end')[] = []
  turn.requests$.subscribe((request) => requests.push(request))
  turn.openRequests$.subscribe({ next: (open) => lists.push(ids(open)), complete: () => lists.push('end') })
  await server.advance()
  const sessionId = (await turn.sessionId) ?? ''
  const ask = (id: string, session = sessionId): void =>
    server.world.router?.receive({ type: 'permission.asked', properties: asked(id, session) })
  const reply = (id: string): void =>
    server.world.router?.receive({
      type: 'permission.replied',
      properties: { sessionID: sessionId, requestID: id, reply: 'always' },
    })
  return { turn, requests, lists, sessionId, ask, reply }
}

const expectClosed = (turn: Turn, id: string) =>
  expect(turn.answer(id, 'once')).rejects.toMatchObject(closedError)

describe('A rejection of one of several permissions', () => {
  /** Ends the answer of a turn as opencode does after a rejection without a message. */
  const stop = async (server: TestServer, turn: Turn, sessionID: string): Promise<void> => {
    const parentID = server.runtime.turns.get(turn.id)?.messageId
    const info = { id: `msg_answer_${parentID}`, role: 'assistant', sessionID, parentID }
    const end = { finish: 'tool-calls', time: { created: 1, completed: 2 } }
    for (const [type, properties] of [
      ['message.updated', { info: { id: parentID, role: 'user', sessionID } }],
      ['session.status', { status: { type: 'busy' } }],
      ['message.updated', { info: { ...info, ...end } }],
      ['session.idle', {}],
    ] as const)
      server.world.router?.receive({ type, properties: { sessionID, ...properties } })
    server.world.client.idle(sessionID)
    await server.advance()
  }

  it('is followed by a further prompt, because opencode rejects the others without a message', async () => {
    const server = startServer()
    const { turn, sessionId, ask, reply } = await asking(server)
    const states: string[] = []
    turn.status$.subscribe(({ state }) => states.push(state))
    ask('per_1')
    ask('per_2')
    await turn.answer('per_1', { reject: 'Use ls' })
    reply('per_2')
    await stop(server, turn, sessionId)
    expect(server.world.client.prompts).toEqual([sessionId, sessionId])
    expect(states).toContain('retrying')
    await server.answer(turn, 'so be it')
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final', content: 'so be it' })
  })

  it('ends as stalled if the further prompt is lost', async () => {
    const server = startServer()
    const { turn, sessionId, ask, reply } = await asking(server, { stallMs: 30_000 })
    ask('per_1')
    ask('per_2')
    await turn.answer('per_1', { reject: 'Use ls' })
    reply('per_2')
    await stop(server, turn, sessionId)
    await server.advance(30_000)
    expect(turn.replies.at(-1)).toMatchObject({ code: 'stalled' })
  })

  it('ends the turn if no other permission was open, as another client may have stopped it', async () => {
    const server = startServer()
    const { turn, sessionId, ask } = await asking(server)
    ask('per_1')
    await turn.answer('per_1', { reject: 'Use ls' })
    await stop(server, turn, sessionId)
    expect(turn.replies).toMatchObject([{ kind: 'final', finish_reason: 'tool-calls' }])
  })
})

describe('A request of a running turn', () => {
  it('waits for turn.answer(), while the stall clock stands still', async () => {
    const server = startServer({ turnStallMs: 1_000, requestTimeoutMs: 500_000 })
    const { turn, requests, lists, ask } = await asking(server)
    ask('per_1')
    await server.advance(100_000)
    expect(turn.openRequests).toMatchObject([
      { request: { id: 'per_1', permission: 'bash' }, turnId: turn.id, traceId: null },
    ])
    await turn.answer('per_1', 'always')
    expect(server.world.client.answers).toEqual([['per_1', { reply: 'always' }]])
    await server.answer(turn)
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final' })
    expect(requests.map(({ id }) => id)).toEqual(['per_1'])
    expect(lists).toEqual([[], ['per_1'], [], 'end'])
  })

  it('is rejected with a message at requestTimeoutMs, and the turn goes on', async () => {
    const server = startServer({ requestTimeoutMs: 2_000 })
    const { turn, ask } = await asking(server)
    ask('per_1')
    await server.advance(2_000)
    const message = expect.stringMatching(/^No answer came in time/) as string
    expect(server.world.client.answers).toEqual([['per_1', { reply: 'reject', message }]])
    await expectClosed(turn, 'per_1')
    await server.answer(turn)
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final' })
  })

  it('is rejected on the server when the turn is cancelled, after the abort', async () => {
    const server = startServer()
    const { turn, sessionId, ask } = await asking(server)
    ask('per_1')
    ask('per_2')
    await turn.answer('per_1', 'once')
    const properties = { id: 'que_1', sessionID: sessionId, questions: [] }
    server.world.router?.receive({ type: 'question.asked', properties })
    turn.cancel()
    server.world.client.idle(sessionId)
    await server.advance()
    expect(server.world.client.aborts).toEqual([sessionId])
    expect(server.world.client.answers).toEqual([
      ['per_1', { reply: 'once' }],
      ['per_2', { reply: 'reject', message: 'The turn has ended.' }],
      ['que_1', 'dismissed'],
    ])
  })

  it('is not rejected when its server is gone', async () => {
    const server = startServer()
    const { turn, ask } = await asking(server)
    ask('per_1')
    server.world.process.exit()
    await server.advance()
    expect(turn.replies.at(-1)).toMatchObject({ code: 'server_died' })
    expect(server.world.client.answers).toEqual([])
  })

  it('of a subagent is answered on its turn', async () => {
    const server = startServer()
    const { turn, sessionId, ask } = await asking(server)
    const info = { id: 'ses_child', parentID: sessionId }
    server.world.router?.receive({ type: 'session.created', properties: { sessionID: 'ses_child', info } })
    ask('per_1', 'ses_child')
    expect(turn.openRequests).toMatchObject([{ request: { child: true, sessionId: 'ses_child' } }])
    await turn.answer('per_1', 'once')
    expect(server.world.client.answers).toEqual([['per_1', { reply: 'once' }]])
    await server.answer(turn)
  })

  it('closes when another client answers it, and when an answer beside it covers it', async () => {
    const server = startServer()
    const { turn, lists, ask, reply } = await asking(server)
    for (const id of ['per_1', 'per_2', 'per_3']) ask(id)
    reply('per_1')
    await turn.answer('per_2', 'always')
    reply('per_3')
    expect(lists.at(-1)).toEqual([])
    for (const id of ['per_1', 'per_2', 'per_3']) await expectClosed(turn, id)
    expect(server.world.client.answers).toHaveLength(1)
    await server.answer(turn)
  })

  it('leaves the list before the answer that covers it resolves; one that is not covered stays', async () => {
    const server = startServer()
    const { turn, sessionId, ask } = await asking(server)
    for (const id of ['per_1', 'per_2', 'per_3']) ask(id)
    server.world.client.pending.push(asked('per_3', sessionId))
    await turn.answer('per_1', 'always')
    expect(ids(turn.openRequests)).toEqual(['per_3'])
    await turn.answer('per_3', 'once')
    expect(server.world.client.answers.map(([id]) => id)).toEqual(['per_1', 'per_3'])
    await server.answer(turn)
  })

  it('that the server no longer knows rejects its answer', async () => {
    const server = startServer()
    const { turn, ask } = await asking(server)
    ask('per_1')
    server.world.client.takeAnswer = () => Promise.reject(new HttpError(404, 'PermissionNotFoundError'))
    await expectClosed(turn, 'per_1')
    expect(turn.openRequests).toEqual([])
    await server.answer(turn)
  })
})

describe('An open request, when its turn ends', () => {
  it.each<[string, (server: TestServer, turn: Turn) => unknown]>([
    ['by cancel()', (_server, turn) => turn.cancel()],
    ['by the death of the server', (server) => server.world.process.exit()],
    ['at its deadline', (server) => server.advance(60_000)],
    ['by a stop', (server) => server.send({ type: 'server.stop' })],
    ['with its actor', (server) => server.actor.stop()],
  ])('is closed %s', async (_how, end) => {
    const server = startServer()
    const { turn, lists, ask } = await asking(server, { deadlineMs: 60_000 })
    ask('per_1')
    const answer = turn.answer('per_9', 'once').catch((error: unknown) => error)
    await end(server, turn)
    await turn.done
    expect(await answer).toMatchObject(closedError)
    expect(turn.openRequests).toEqual([])
    expect(lists).toEqual([[], ['per_1'], [], 'end'])
    await expectClosed(turn, 'per_1')
    // A server that lives on is told that the turn has ended.
    const withdrawal = ['per_1', { reply: 'reject', message: 'The turn has ended.' }]
    expect([[], [withdrawal]]).toContainEqual(server.world.client.answers)
  })

  it('rejects an answer that the server has not taken yet', async () => {
    const server = startServer()
    const { turn, ask } = await asking(server)
    ask('per_1')
    server.world.client.takeAnswer = () => new Promise(() => undefined)
    const answer = turn.answer('per_1', 'once').catch((error: unknown) => error)
    await server.advance()
    turn.cancel()
    expect(await answer).toMatchObject({
      ...closedError,
      message: 'The permission per_1 is closed: the turn has ended',
    })
    await server.advance()
  })

  it('leaves the list of a turn that is sent again, which may ask again', async () => {
    const server = startServer()
    const { turn, lists, ask } = await asking(server, { resume: true })
    ask('per_1')
    server.world.process.exit()
    await server.advance(60_000)
    await expectClosed(turn, 'per_1')
    ask('per_2')
    expect(lists).toEqual([[], ['per_1'], [], ['per_2']])
    await turn.answer('per_2', 'once')
    await server.answer(turn)
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final' })
  })
})

describe('Open requests after missed events', () => {
  it('are those that the server lists: answered ones leave, new ones come, the others stay', async () => {
    const server = startServer()
    const { turn, requests, lists, sessionId, ask } = await asking(server)
    ask('per_1')
    ask('per_2')
    server.world.loseStream()
    server.world.client.pending.push(asked('per_2', sessionId), asked('per_3', sessionId))
    server.world.openStream()
    await server.advance()
    expect(ids(turn.openRequests)).toEqual(['per_2', 'per_3'])
    expect(requests.map(({ id }) => id)).toEqual(['per_1', 'per_2', 'per_3'])
    await expectClosed(turn, 'per_1')
    await turn.answer('per_3', 'once')
    expect(lists.at(-1)).toEqual(['per_2'])
    await server.answer(turn)
  })
})

describe('A turn that waits', () => {
  it('has an empty list, and no request to answer', async () => {
    const server = startServer({}, { spawn: 'silent' })
    const turn = server.turn({ text: 'x', onPermission: 'ask' })
    const lists: PendingRequest[][] = []
    turn.openRequests$.subscribe((open) => lists.push(open))
    expect([turn.openRequests, lists]).toEqual([[], [[]]])
    await expectClosed(turn, 'per_1')
  })

  it('has lists of its own, so that a caller who changes one changes no other', async () => {
    const server = startServer()
    const { turn, ask } = await asking(server)
    ask('per_1')
    turn.openRequests.pop()
    turn.openRequests$.subscribe((open) => open.pop())
    expect(ids(turn.openRequests)).toEqual(['per_1'])
    turn.openRequests$.subscribe((open) => expect(ids(open)).toEqual(['per_1'])).unsubscribe()
  })
})
