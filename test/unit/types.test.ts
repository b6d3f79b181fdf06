import { describe, expectTypeOf, it } from 'vitest'
import { assign, createActor, setup } from 'xstate'
import type { Observable } from 'rxjs'
import { z } from 'zod'
import * as mini from 'zod/mini'
import {
  compileOptions,
  OpenCodeServer,
  orThrow,
  serverMachine,
  startTurn,
  turn$,
  type Connection,
  type DriveTurnOptions,
  type ErrorReply,
  type FinalReply,
  type InferOutput,
  type Lifecycle,
  type OpenCodeServerOptions,
  type PendingRequest,
  type Reply,
  type RequestAnswer,
  type ServerActorRef,
  type Session,
  type Turn,
  type TurnError,
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

  it('infer the type of a typed answer from its schema', () => {
    const order = z.object({
      id: z.string(),
      total: z.string().transform(Number),
      note: z.string().default(''),
    })
    type Order = { id: string; total: number; note: string }
    const turns = (
      server: OpenCodeServer,
      session: Session,
      connection: Connection,
      actor: ServerActorRef,
    ) => [
      server.turn({ text: 'x', output: order }),
      session.turn({ text: 'x', output: order, traceId: null }),
      connection.turn({ output: order, text: 'x' }),
      startTurn(actor, { text: 'x', output: order }),
    ]
    expectTypeOf(turns).returns.toEqualTypeOf<Turn<Order>[]>()
    const small = (server: OpenCodeServer) =>
      server.turn({ text: 'x', output: z.toJSONSchema(mini.object({ n: mini.number() })) })
    expectTypeOf(small).returns.toEqualTypeOf<Turn<{ n: number }>>()
    expectTypeOf<Turn<Order>['output']>().toEqualTypeOf<Promise<Order>>()
    expectTypeOf<Turn<Order>['text']>().returns.toEqualTypeOf<Promise<string>>()
    expectTypeOf<Turn<Order>>().toExtend<Turn>()
    expectTypeOf<InferOutput<typeof order>>().toEqualTypeOf<Order>()
  })

  it('leave the answer of a plain JSON Schema, and of a turn without output, unknown', () => {
    const json = { type: 'object', properties: { n: { type: 'number' } } } as const
    const turns = (server: OpenCodeServer, input: TurnInput) => [
      server.turn({ text: 'x', output: json }),
      server.turn({ text: 'x', output: { type: 'object', anyOf: [json] } }),
      server.turn({ text: 'x' }),
      server.turn('x'),
      server.turn(input),
    ]
    expectTypeOf(turns).returns.toEqualTypeOf<Turn[]>()
  })

  it('refuse a schema that does not give JSON Schema, and a value that is no schema', () => {
    const { '~standard': standard } = z.object({})
    const bare = { '~standard': { version: 1 as const, vendor: 'bare', validate: standard.validate } }
    const turns = (server: OpenCodeServer) => [
      // @ts-expect-error `jsonSchema` is missing
      server.turn({ text: 'x', output: bare }),
      // @ts-expect-error not a schema
      server.turn({ text: 'x', output: 'object' }),
      // @ts-expect-error no such policy
      server.turn({ text: 'x', onPermission: 'maybe' }),
    ]
    expectTypeOf(turns).toBeFunction()
  })

  it('accept the input of a typed turn for a cold turn, and narrow its replies', () => {
    const replies$ = (server: OpenCodeServer) =>
      server.turn$({ text: 'x', output: z.object({}) }).pipe(orThrow())
    expectTypeOf(replies$).returns.toEqualTypeOf<Observable<Exclude<Reply, ErrorReply>>>()
    const session$ = (session: Session) => session.turn$('x')
    expectTypeOf(session$).returns.toEqualTypeOf<Observable<Reply>>()
    const embedded$ = (actor: ServerActorRef) => turn$(actor, { text: 'x', output: z.object({}) })
    expectTypeOf(embedded$).returns.toEqualTypeOf<Observable<Reply>>()
    expectTypeOf<TurnError['code']>().toEqualTypeOf<TurnErrorCode>()
    expectTypeOf<TurnError['reply']>().toEqualTypeOf<ErrorReply>()
  })
})
