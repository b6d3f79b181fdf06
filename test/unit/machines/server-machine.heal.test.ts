import { describe, expect, it } from 'vitest'
import type { Turn } from '../../../src/api/turn.ts'
import { startServer, type TestServer } from '../../support/machine-harness.ts'

const directory = '/srv/agents/a1/workspace'

/** Reports the beginning of a running turn's answer; with `step`, also that the model is asked. */
async function begin(server: TestServer, turn: Turn, step: boolean): Promise<void> {
  const sessionID = (await turn.sessionId) ?? ''
  const parentID = server.runtime.turns.get(turn.id)?.messageId ?? ''
  const messageID = `msg_answer_${parentID}`
  const receive = (type: string, properties: object): void =>
    server.world.router?.receive({ type, properties: { sessionID, ...properties } })
  receive('message.updated', { info: { id: parentID, role: 'user', sessionID } })
  receive('session.status', { status: { type: 'busy' } })
  receive('message.updated', { info: { id: messageID, role: 'assistant', sessionID, parentID } })
  const part = { id: 'prt_s', sessionID, messageID, type: 'step-start' }
  if (step) receive('message.part.updated', { part })
}

async function withTurn({ step }: { step: boolean }) {
  const server = startServer({ directory })
  const turn = server.turn()
  await server.advance()
  await begin(server, turn, step)
  return { server, turn, client: server.world.client }
}

describe('The directory of a turn that is aborted before the model is asked', () => {
  it('is disposed if its MCP servers are broken, and the next turn waits for that', async () => {
    const { server, turn, client } = await withTurn({ step: false })
    client.broken.add(directory)
    turn.cancel()
    const next = server.turn()
    const prompt = client.prompt.bind(client)
    const disposedBefore: number[] = []
    client.prompt = (...args) => {
      disposedBefore.push(client.disposed.length)
      return prompt(...args)
    }
    await server.advance()
    expect(client.disposed).toEqual([directory])
    expect(disposedBefore).toEqual([1])
    await server.answer(next)
    expect(next.replies.at(-1)).toMatchObject({ kind: 'final' })
  })

  it('is left alone if its MCP servers work', async () => {
    const { server, turn, client } = await withTurn({ step: false })
    turn.cancel()
    await server.advance()
    expect(client.disposed).toEqual([])
  })

  it('is left alone while another turn works in the directory', async () => {
    const { server, turn, client } = await withTurn({ step: false })
    const other = server.turn()
    await server.advance()
    client.broken.add(directory)
    turn.cancel()
    await server.advance()
    expect(client.disposed).toEqual([])
    other.cancel()
    await server.advance()
    expect(client.disposed).toEqual([directory])
  })

  it('is left alone if the check takes too long, so that the turn releases its place', async () => {
    const { server, turn, client } = await withTurn({ step: false })
    client.hasBrokenMcp = () => new Promise(() => undefined)
    turn.cancel()
    await server.advance(2_000)
    expect(server.runtime.turns.size).toBe(0)
    expect(client.disposed).toEqual([])
  })
})

describe('The directory of a turn that is aborted after the model was asked', () => {
  it('is not checked', async () => {
    const { server, turn, client } = await withTurn({ step: true })
    client.broken.add(directory)
    turn.cancel()
    await server.advance()
    expect(client.disposed).toEqual([])
  })
})
