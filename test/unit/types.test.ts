import { describe, expectTypeOf, it } from 'vitest'
import { assign, createActor, setup } from 'xstate'
import type { Observable } from 'rxjs'
import {
  compileOptions,
  OpenCodeServer,
  serverMachine,
  startTurn,
  type DriveTurnOptions,
  type ErrorReply,
  type FinalReply,
  type Lifecycle,
  type OpenCodeServerOptions,
  type PendingRequest,
  type Reply,
  type RequestAnswer,
  type ServerActorRef,
  type Turn,
  type TurnErrorCode,
  type TurnInput,
} from '../../src/index.ts'

const options: OpenCodeServerOptions = {
  home: '/srv/a1',
  proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'sk-x' },
  models: ['gpt-4o', { id: 'local-vl', input: ['text', 'image'], contextTokens: 32_000 }],
}

describe('The public types', () => {
  it('narrow a reply by its kind', () => {
    const read = (reply: Reply): string => {
      switch (reply.kind) {
        case 'delta':
        case 'reasoning':
        case 'final':
          return reply.content
        case 'tool_call':
          expectTypeOf(reply.args).toEqualTypeOf<Record<string, unknown>>()
          return reply.call_id
        case 'tool_result':
          return reply.result
        case 'error':
          expectTypeOf(reply.code).toEqualTypeOf<TurnErrorCode>()
          return reply.error
      }
    }
    expectTypeOf(read).returns.toBeString()
  })

  it('match the documented contract', () => {
    expectTypeOf<Turn['done']>().toEqualTypeOf<Promise<FinalReply | ErrorReply>>()
    expectTypeOf<Turn['replies$']>().toEqualTypeOf<Observable<Reply>>()
    expectTypeOf<Turn>().toExtend<AsyncIterable<Reply>>()
    expectTypeOf<Turn['openRequests']>().toEqualTypeOf<PendingRequest[]>()
    expectTypeOf<Turn['openRequests$']>().toEqualTypeOf<Observable<PendingRequest[]>>()
    expectTypeOf<Turn['answer']>().toEqualTypeOf<(id: string, answer: RequestAnswer) => Promise<void>>()
    expectTypeOf<OpenCodeServer['lifecycle$']>().toEqualTypeOf<Observable<Lifecycle>>()
    expectTypeOf<OpenCodeServer['turn']>().parameter(0).toEqualTypeOf<string | TurnInput>()
    expectTypeOf<OpenCodeServer['password']>().toEqualTypeOf<string | undefined>()
    expectTypeOf<OpenCodeServer>().toExtend<AsyncDisposable>()
  })

  it('reject missing options and unknown policies', () => {
    // @ts-expect-error `home` is required
    expectTypeOf<OpenCodeServerOptions>({ proxy: options.proxy, models: ['m'] })
    // @ts-expect-error no such policy
    expectTypeOf<TurnInput>({ text: 'x', onPermission: 'maybe' })
    // @ts-expect-error driveTurn() returns no turn to answer on
    expectTypeOf<DriveTurnOptions['onPermission']>('ask')
  })

  it('type the server machine as a child of another machine', () => {
    const app = setup({
      types: { context: {} as { states: string[] }, children: {} as { opencode: 'serverMachine' } },
      actors: { serverMachine },
    }).createMachine({
      context: { states: [] },
      invoke: {
        id: 'opencode',
        src: 'serverMachine',
        input: () => compileOptions(options),
        onSnapshot: {
          actions: assign(({ context, event }) => {
            expectTypeOf(event.snapshot.context.pid).toEqualTypeOf<number | undefined>()
            return { states: [...context.states, String(event.snapshot.matches('healthy'))] }
          }),
        },
      },
    })
    const read = () => createActor(app).getSnapshot().children.opencode
    expectTypeOf(read).returns.toExtend<ServerActorRef | undefined>()
    const turn = (actor: NonNullable<ReturnType<typeof read>>) => startTurn(actor, 'Say hello')
    expectTypeOf(turn).returns.toEqualTypeOf<Turn>()
  })
})
