import { describe, expect, it } from 'vitest'
import type { Turn } from '../../../src/api/turn.ts'
import { startServer, type TestServer } from '../../support/machine-harness.ts'

const completedAt = { created: 1, completed: 2 }

/** Returns functions that report the events of a running turn. */
async function stream(server: TestServer, turn: Turn) {
  const sessionID = (await turn.sessionId) ?? ''
  const parentID = server.runtime.turns.get(turn.id)?.messageId ?? ''
  const receive = (type: string, properties: object): void =>
    server.world.router?.receive({ type, properties: { sessionID, ...properties } })
  receive('message.updated', { info: { id: parentID, role: 'user', sessionID } })
  receive('session.status', { status: { type: 'busy' } })
  return {
    message: (id: string, more: object = {}) =>
      receive('message.updated', { info: { id, role: 'assistant', sessionID, parentID, ...more } }),
    call: (messageID: string, callID: string, state: object) =>
      receive('message.part.updated', {
        part: { id: `prt_${messageID}`, sessionID, messageID, type: 'tool', tool: 'bash', callID, state },
      }),
  }
}

const input = { command: 'sleep 7' }
const running = { status: 'running', input }
const completed = { status: 'completed', input, output: '' }

describe('A turn whose provider gives each call the same id', () => {
  it('does not stall while the second tool runs', async () => {
    const server = startServer({ turnStallMs: 1_000 })
    const turn = server.turn()
    await server.advance()
    const { message, call } = await stream(server, turn)
    message('msg_1')
    call('msg_1', 'call_0', running)
    call('msg_1', 'call_0', completed)
    message('msg_1', { finish: 'tool-calls', time: completedAt })
    message('msg_2')
    call('msg_2', 'call_0', running)
    await server.advance(5_000)
    call('msg_2', 'call_0', completed)
    await server.answer(turn)
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final' })
  })
})

describe('A turn without retries', () => {
  it('continues if an answer is reported as completed before its call', async () => {
    const server = startServer({ maxRetries: 0 })
    const turn = server.turn()
    await server.advance()
    const { message, call } = await stream(server, turn)
    message('msg_1', { finish: 'tool-calls', time: completedAt })
    call('msg_1', 'call_1', completed)
    await server.answer(turn)
    expect(turn.replies.map(({ kind }) => kind)).toEqual(['tool_call', 'tool_result', 'delta', 'final'])
  })

  it('ends if the server asks the model again after an answer without a call', async () => {
    const server = startServer({ maxRetries: 0 })
    const turn = server.turn()
    await server.advance()
    const { message } = await stream(server, turn)
    message('msg_1', { finish: 'tool-calls', time: completedAt })
    expect(turn.replies).toEqual([])
    message('msg_2')
    expect(turn.replies).toMatchObject([{ code: 'provider_unavailable' }])
  })
})

describe('A turn whose context is full after each answer', () => {
  const answered = { finish: 'stop', time: completedAt }
  const compacted = { summary: true, ...answered }

  it('ends as context_overflow when a third compaction without progress begins', async () => {
    const server = startServer()
    const turn = server.turn()
    await server.advance()
    const { message } = await stream(server, turn)
    for (const round of [1, 2]) {
      message(`msg_${round}a`, answered)
      message(`msg_${round}s`, compacted)
    }
    message('msg_3a', answered)
    expect(turn.replies).toEqual([])
    message('msg_3s', { summary: true })
    expect(turn.replies).toMatchObject([{ code: 'context_overflow', retryable: false }])
    await server.advance()
    expect(server.world.client.aborts).toHaveLength(1)
  })

  it('continues while tools are called between the compactions', async () => {
    const server = startServer()
    const turn = server.turn()
    await server.advance()
    const { message, call } = await stream(server, turn)
    for (const round of [1, 2, 3, 4]) {
      message(`msg_${round}a`)
      call(`msg_${round}a`, `call_${round}`, completed)
      message(`msg_${round}a`, { finish: 'tool-calls', time: completedAt })
      message(`msg_${round}s`, compacted)
    }
    await server.answer(turn)
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final' })
  })
})
