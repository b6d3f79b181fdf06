import { describe, expect, it } from 'vitest'
import { catchError, defer, firstValueFrom, lastValueFrom, of, retry, toArray } from 'rxjs'
import { turn$ } from '../../../src/api/cold-turn.ts'
import { orThrow } from '../../../src/api/or-throw.ts'
import { openSession } from '../../../src/api/session.ts'
import { InvalidOptionsError, OpenCodeRuntimeError, TurnError } from '../../../src/errors.ts'
import { noUsage, type ErrorReply, type Reply } from '../../../src/replies.ts'
import { startServer } from '../../support/machine-harness.ts'

const failed: ErrorReply = {
  ...{ kind: 'error', trace_id: 't1', error: 'Limit reached', code: 'rate_limited', retryable: true },
  partial: 'so far',
}
const final: Reply = { kind: 'final', trace_id: 't1', content: 'x', finish_reason: 'stop', usage: noUsage() }
const delta: Reply = { kind: 'delta', trace_id: 't1', content: 'x' }

describe('TurnError', () => {
  it('has the code, the message, the partial text and the whole reply', () => {
    const error = new TurnError(failed)
    expect(error).toBeInstanceOf(OpenCodeRuntimeError)
    expect(error).toMatchObject({
      name: 'TurnError',
      message: 'Limit reached',
      partial: 'so far',
      reply: failed,
    })
    expect([error.code, error.retryable]).toEqual(['rate_limited', true])
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({
      name: 'TurnError',
      code: 'rate_limited',
      reply: failed,
    })
  })

  it('has no partial text if the reply has none', () => {
    const { partial: _, ...rest } = failed
    expect(new TurnError(rest)).not.toHaveProperty('partial')
  })
})

describe('turn.text()', () => {
  it('resolves with the whole answer', async () => {
    const server = startServer()
    const turn = server.turn()
    const text = turn.text()
    await server.advance()
    await server.answer(turn, 'Hello there')
    expect(await text).toBe('Hello there')
  })

  it('rejects with a TurnError', async () => {
    const server = startServer()
    const turn = server.turn()
    const text = expect(turn.text()).rejects.toMatchObject({
      name: 'TurnError',
      code: 'cancelled',
      retryable: false,
    })
    turn.cancel()
    await text
  })
})

describe('turn.output', () => {
  it('of a turn without output rejects with an InvalidOptionsError when the turn succeeds', async () => {
    const server = startServer()
    const turn = server.turn()
    await server.advance()
    await server.answer(turn)
    await expect(turn.output).rejects.toBeInstanceOf(InvalidOptionsError)
    expect(turn.output).toBe(turn.output)
  })

  it('does not report its rejection as unhandled', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    const server = startServer()
    const turn = server.turn()
    void turn.output
    turn.cancel()
    await turn.done
    await new Promise((resolve) => setTimeout(resolve, 0))
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })
})

describe('orThrow', () => {
  it('passes all replies of a turn that succeeds', async () => {
    expect(await firstValueFrom(of<Reply[]>(delta, final).pipe(orThrow(), toArray()))).toEqual([delta, final])
  })

  it('ends with a TurnError in place of the error reply', async () => {
    const seen: unknown[] = []
    const replies$ = of<Reply[]>(delta, failed).pipe(
      orThrow(),
      catchError((error: unknown) => of(error)),
    )
    await replies$.forEach((each) => void seen.push(each))
    expect(seen).toEqual([delta, expect.any(TurnError)])
    expect(seen[1]).toMatchObject({ reply: failed })
  })

  it('lets retry run a cold turn again', async () => {
    let turns = 0
    const replies$ = defer(() => of<Reply[]>(++turns === 1 ? failed : final))
    expect(await lastValueFrom(replies$.pipe(orThrow(), retry(1)))).toEqual(final)
    expect(turns).toBe(2)
  })
})

describe('cancel() of a turn', () => {
  it('does nothing after the actor of its server has ended', () => {
    const server = startServer()
    const turn = server.turn()
    const sent: string[] = []
    server.actor.system.inspect(({ type, ...rest }) => {
      if (type === '@xstate.event' && 'event' in rest) sent.push(rest.event.type)
    })
    server.actor.stop()
    sent.length = 0
    turn.cancel()
    expect(sent).toEqual([])
  })
})

describe('A cold turn', () => {
  it('of an embedded machine runs per subscription, and is cancelled by unsubscribing', async () => {
    const server = startServer()
    const replies$ = turn$(server.actor, 'hello')
    expect(server.runtime.turns.size).toBe(0)
    const subscriptions = [replies$.subscribe(), replies$.subscribe()]
    expect(server.runtime.turns.size).toBe(2)
    for (const subscription of subscriptions) subscription.unsubscribe()
    await server.advance()
    expect(server.runtime.turns.size).toBe(0)
  })

  it('of a session continues the conversation', async () => {
    const server = startServer()
    const session = openSession(server.actor)
    const replies: Reply[] = []
    const subscription = session.turn$('hello').subscribe((reply) => replies.push(reply))
    await server.advance()
    const [record] = [...server.runtime.turns.values()]
    expect(record?.conversation.sessionId).toBe(await session.id)
    subscription.unsubscribe()
    await server.advance()
    expect(replies).toEqual([])
    expect(server.runtime.turns.size).toBe(0)
  })
})
