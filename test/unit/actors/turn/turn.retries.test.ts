import { describe, expect, it } from 'vitest'
import { startServer } from '../../../support/machine-harness.ts'

/** Starts a turn whose provider fails, and reports the server's first retry notice. */
async function retried(message: string) {
  const server = startServer()
  const turn = server.turn()
  const states: string[] = []
  turn.status$.subscribe(({ state }) => states.push(state))
  await server.advance()
  const sessionID = await turn.sessionId
  const id = server.runtime.turns.get(turn.id)?.messageId
  const receive = (type: string, fields: object) =>
    server.world.router?.receive({ type, properties: { sessionID, ...fields } })
  receive('message.updated', { info: { id, sessionID, role: 'user' } })
  receive('session.status', { status: { type: 'busy' } })
  receive('session.status', { status: { type: 'retry', attempt: 1, message, next: Date.now() } })
  await server.advance()
  return { server, turn, states }
}

describe('A retry notice', () => {
  it.each([
    [
      '{"message":"Incorrect API key provided: sk-503","code":"503"}',
      'auth',
      'Incorrect API key provided: sk-503',
    ],
    [
      'litellm.ContextWindowExceededError: 500 tokens',
      'context_overflow',
      'litellm.ContextWindowExceededError: 500 tokens',
    ],
    [
      'Error: 503\n{\n  "error": {\n    "message": "Incorrect API key provided",\n    "code": "invalid_api_key"\n  }\n}',
      'auth',
      'Incorrect API key provided',
    ],
    ['Bad Request: [\n{"error":{"code":429,"message":"no"}}]', undefined, undefined],
    ['upstream down', undefined, undefined],
  ])('ends the turn at once if a retry cannot mend the failure: %j', async (message, code, error) => {
    const { server, turn, states } = await retried(message)
    expect(turn.replies).toEqual(
      code === undefined ? [] : [expect.objectContaining({ kind: 'error', code, error, retryable: false })],
    )
    expect(states.at(-1)).toBe(code === undefined ? 'retrying' : 'done')
    expect(server.world.client.aborts).toHaveLength(code === undefined ? 0 : 1)
  })
})
