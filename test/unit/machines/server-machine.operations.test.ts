import { describe, expect, it } from 'vitest'
import {
  OpenCodeRuntimeError,
  ServerExitedError,
  SessionNotFoundError,
  StoppedError,
} from '../../../src/errors.ts'
import type { OperationPlan, OperationTarget } from '../../../src/actors/session/operation.ts'
import { runOperation } from '../../../src/api/session-operation.ts'
import { openSession } from '../../../src/api/session.ts'
import { HttpError } from '../../../src/io/opencode/client.ts'
import { deferred } from '../../../src/util/deferred.ts'
import { startServer, type TestServer } from '../../support/machine-harness.ts'

/** Starts an operation whose requests the test answers. Its outcome changes when the operation settles. */
function operate(server: TestServer, sessionId: string, plan: Partial<OperationPlan<string>> = {}) {
  const outcome: { value?: string; error?: unknown } = {}
  const requests: { target: OperationTarget; answer: (value: string | Error) => void }[] = []
  const conversation = server.runtime.conversationOf(sessionId)
  const work: OperationPlan<string> = {
    failure: 'It failed',
    usesDirectory: false,
    isRepeatable: true,
    limitMs: 5_000,
    run: async (target) => {
      const answered = deferred<string | Error>()
      requests.push({ target, answer: (value) => answered.resolve(value) })
      const value = await answered.promise
      if (value instanceof Error) throw value
      return value
    },
    ...plan,
  }
  runOperation(server.actor, work, conversation).then(
    (value) => (outcome.value = value),
    (error: unknown) => (outcome.error = error),
  )
  return { outcome, requests }
}

const childrenOf = (server: TestServer) =>
  Object.keys(server.actor.getSnapshot().children).filter((id) => id.startsWith('turn:'))

describe('an operation of a session', () => {
  it('starts the server, and resolves with its result', async () => {
    const server = startServer()
    const { outcome, requests } = operate(server, 'ses_1')
    await server.advance()
    expect(server.state()).toBe('healthy')
    expect(requests[0]?.target).toMatchObject({ sessionId: 'ses_1', directory: undefined })
    requests[0]?.answer('done')
    await server.advance()
    expect(outcome).toEqual({ value: 'done' })
    expect(server.runtime.operations.size).toBe(0)
    expect(childrenOf(server)).toEqual([])
  })

  it('runs after the turns that were requested before it, and before the later ones', async () => {
    const server = startServer()
    const session = openSession(server.actor, { sessionId: 'ses_1' })
    const first = session.turn('first')
    const { outcome, requests } = operate(server, 'ses_1')
    const second = session.turn('second')
    await server.advance()
    expect(server.world.client.prompts).toHaveLength(1)
    expect(requests).toHaveLength(0)
    await server.answer(first)
    expect(requests).toHaveLength(1)
    expect(server.world.client.prompts).toHaveLength(1)
    requests[0]?.answer('done')
    await server.advance()
    expect(outcome).toEqual({ value: 'done' })
    expect(server.world.client.prompts).toHaveLength(2)
    await server.answer(second)
  })

  it('counts for no limit of turns', async () => {
    const server = startServer({ maxConcurrentTurns: 1, maxQueuedTurns: 0 })
    const turn = server.turn()
    const { outcome, requests } = operate(server, 'ses_1')
    const other = operate(server, 'ses_2')
    await server.advance()
    expect(server.turn().replies).toMatchObject([{ code: 'overloaded' }])
    requests[0]?.answer('done')
    await server.advance()
    expect(outcome).toEqual({ value: 'done' })
    await server.answer(turn)
    const next = server.turn()
    await server.advance()
    expect(server.world.client.prompts).toHaveLength(2)
    other.requests[0]?.answer('late')
    await server.advance()
    expect(other.outcome).toEqual({ value: 'late' })
    await server.answer(next)
  })

  it('takes no place of a waiting turn, before the server is healthy', async () => {
    const server = startServer({ maxConcurrentTurns: 1, maxQueuedTurns: 0 })
    for (const { outcome } of [1, 2].map(() => operate(server, 'ses_1'))) expect(outcome).toEqual({})
    const turn = server.turn()
    expect(server.turn().replies).toMatchObject([{ code: 'overloaded' }])
    await server.advance()
    await server.answer(turn)
    expect(turn.replies.at(-1)?.kind).toBe('final')
  })

  it('takes no place of a waiting turn, while it waits for a turn of its session', async () => {
    const server = startServer({ maxConcurrentTurns: 1, maxQueuedTurns: 1 })
    const first = openSession(server.actor, { sessionId: 'ses_1' }).turn('first')
    await server.advance()
    operate(server, 'ses_1')
    const second = server.turn()
    expect(server.turn().replies).toMatchObject([{ code: 'overloaded' }])
    await server.answer(first)
    await server.answer(second)
    expect(second.replies.at(-1)?.kind).toBe('final')
  })

  it('is repeated by the next server after the death of its server', async () => {
    const server = startServer()
    const { outcome, requests } = operate(server, 'ses_1')
    await server.advance()
    server.world.process.exit()
    await server.advance()
    expect(requests).toHaveLength(2)
    expect(requests[0]?.target.signal.aborted).toBe(true)
    requests[0]?.answer('lost')
    requests[1]?.answer('done')
    await server.advance()
    expect(outcome).toEqual({ value: 'done' })
  })

  it('rejects if its server died and the operation cannot be repeated', async () => {
    const server = startServer()
    const { outcome, requests } = operate(server, 'ses_1', { isRepeatable: false })
    await server.advance()
    server.world.process.exit('segfault')
    await server.advance()
    expect(requests).toHaveLength(1)
    expect(outcome.error).toBeInstanceOf(ServerExitedError)
    expect(outcome.error).toMatchObject({ message: 'segfault', retryable: true })
  })

  it('rejects if the server is stopped, or the machine is stopped from outside', async () => {
    const server = startServer()
    const stopped = operate(server, 'ses_1')
    const waiting = operate(server, 'ses_1')
    await server.advance()
    server.send({ type: 'server.stop' })
    await server.advance()
    for (const { outcome } of [stopped, waiting]) expect(outcome.error).toBeInstanceOf(StoppedError)
    const ended = operate(server, 'ses_1')
    await server.advance()
    server.actor.stop()
    const late = operate(server, 'ses_1')
    await server.advance()
    for (const { outcome } of [ended, late]) expect(outcome.error).toBeInstanceOf(StoppedError)
    expect(server.runtime.operations.size).toBe(0)
  })

  it('rejects with the failure of a server that cannot start', async () => {
    const server = startServer({ maxRestarts: 0 }, { spawn: 'exits' })
    const { outcome, requests } = operate(server, 'ses_1')
    await server.advance()
    expect(server.state()).toBe('failed')
    expect(outcome.error).toBeInstanceOf(ServerExitedError)
    expect(requests).toHaveLength(0)
  })

  it('rejects if the session does not exist, or the server refuses, and goes on with the next entry', async () => {
    const server = startServer()
    const [missing, refused, next] = [1, 2, 3].map(() => operate(server, 'ses_1'))
    await server.advance()
    missing?.requests[0]?.answer(new HttpError(404, 'Session not found: ses_1'))
    await server.advance()
    refused?.requests[0]?.answer(new HttpError(400, 'no'))
    await server.advance()
    next?.requests[0]?.answer('done')
    await server.advance()
    expect(missing?.outcome.error).toBeInstanceOf(SessionNotFoundError)
    expect(missing?.outcome.error).toMatchObject({
      message: 'It failed: there is no session ses_1',
      code: 'ERR_OPENCODE_SESSION_NOT_FOUND',
      retryable: false,
    })
    expect(refused?.outcome.error).toBeInstanceOf(OpenCodeRuntimeError)
    expect(refused?.outcome.error).toMatchObject({ message: 'It failed: the server answered 400: no' })
    expect(next?.outcome).toEqual({ value: 'done' })
  })

  it('rejects at its time limit, counted from its first request', async () => {
    const server = startServer()
    const { outcome, requests } = operate(server, 'ses_1')
    await server.advance(4_999)
    expect(outcome).toEqual({})
    await server.advance(1)
    expect(outcome.error).toMatchObject({ message: 'It failed: the server did not answer within 5000 ms' })
    expect(requests[0]?.target.signal.aborted).toBe(true)
  })

  it('ends its work before the next entry of the session begins', async () => {
    const server = startServer()
    const ended = deferred<undefined>()
    const { outcome } = operate(server, 'ses_1', { abort: () => ended.promise })
    const next = operate(server, 'ses_1')
    await server.advance(5_000)
    expect(outcome.error).toMatchObject({ message: 'It failed: the server did not answer within 5000 ms' })
    expect(next.requests).toHaveLength(0)
    ended.resolve(undefined)
    await server.advance()
    next.requests[0]?.answer('done')
    await server.advance()
    expect(next.outcome).toEqual({ value: 'done' })
  })

  it('shows no secret in its error', async () => {
    const server = startServer()
    const { outcome, requests } = operate(server, 'ses_1')
    await server.advance()
    requests[0]?.answer(new HttpError(500, 'key sk-the-proxy-key'))
    await server.advance()
    expect(JSON.stringify([outcome.error, String((outcome.error as Error).cause)])).not.toContain('sk-the')
  })
})
