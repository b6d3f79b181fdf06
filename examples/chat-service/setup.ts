import { lifecycle$, serverMachine, stopServer } from 'opencode-runtime'
import type { CompiledOptions, Lifecycle, ServerActorRef } from 'opencode-runtime'
import { map } from 'rxjs'
import { assertEvent, assign, emit, enqueueActions, fromEventObservable, fromPromise, setup } from 'xstate'
import { isEnd, type MessageEvent } from './events.ts'
import { roomLogic, type RoomFact } from './room.ts'

/** Input of the service. */
export interface ChatInput {
  /** Result of `compileOptions`. */
  opencode: CompiledOptions
  /** Limit of open messages per room: one is answered, the others wait. */
  maxOpenPerRoom: number
  /** Time limit of running answers when the service closes, in ms. */
  drainMs: number
  /** Delay before a failed server is started again, in ms. */
  retryMs: number
}

/** Context of the service's machine. */
export interface ChatContext extends ChatInput {
  server: ServerActorRef
  lifecycle: Pick<Lifecycle, 'state' | 'reason'>
  rooms: readonly string[]
  /** Messages that have not ended. */
  open: readonly { room: string; message: string }[]
}

/** Command from the host or a client. */
export type ChatCommand =
  | { type: 'message.post'; room: string; message: string; text: string }
  | { type: 'message.cancel'; room: string; message: string }
  | { type: 'permission.answer'; room: string; request: string; allow: boolean }
  /** Departure of the room's last client. */
  | { type: 'room.left'; room: string }
  | { type: 'service.retry' }
  | { type: 'service.close' }

/** Event of the server's lifecycle. */
export type ServerFact = { type: 'server.changed'; lifecycle: Lifecycle }

const types = {} as {
  context: ChatContext
  input: ChatInput
  events: ChatCommand | RoomFact | ServerFact
  emitted: MessageEvent
}

/** Setup of the machine: its children, guards and actions. */
export const chatSetup = setup({
  types,
  actors: {
    server: serverMachine,
    room: roomLogic,
    lifecycle: fromEventObservable(({ input }: { input: ServerActorRef }) =>
      lifecycle$(input).pipe(map((lifecycle): ServerFact => ({ type: 'server.changed', lifecycle }))),
    ),
    stop: fromPromise(({ input: { server, drainMs } }: { input: ChatContext }) =>
      stopServer(server, { drainMs }),
    ),
  },
  delays: { retry: ({ context }) => context.retryMs },
  guards: {
    /** Returns whether the server is up. An idle server counts as up, because the next message wakes it. */
    isUp: ({ context: { lifecycle } }) => lifecycle.state === 'healthy' || lifecycle.reason === 'idle',
    isDown: ({ context: { lifecycle } }) => lifecycle.state === 'failed',
    hasPlace: ({ context, event }) => {
      assertEvent(event, 'message.post')
      return context.open.filter(({ room }) => room === event.room).length < context.maxOpenPerRoom
    },
    isOpen: ({ context, event }) => {
      assertEvent(event, 'message.cancel')
      return context.open.some(({ room, message }) => room === event.room && message === event.message)
    },
    isRoom: ({ context, event }) => {
      assertEvent(event, 'permission.answer')
      return context.rooms.includes(event.room)
    },
  },
  actions: {
    startServer: ({ context }) => context.server.send({ type: 'server.start' }),
    noteServer: assign(({ event }) => {
      assertEvent(event, 'server.changed')
      return { lifecycle: event.lifecycle }
    }),
    /** Posts a message to its room; the first message opens the room. */
    post: enqueueActions(({ context, event, enqueue }) => {
      assertEvent(event, 'message.post')
      const { room, message } = event
      if (!context.rooms.includes(room)) {
        enqueue.spawnChild('room', { id: `room:${room}`, input: { room, server: context.server } })
        enqueue.assign({ rooms: [...context.rooms, room] })
      }
      enqueue.assign({ open: [...context.open, { room, message }] })
      enqueue.sendTo(`room:${room}`, event)
    }),
    pass: enqueueActions(({ event, enqueue }) => {
      assertEvent(event, ['message.cancel', 'permission.answer'])
      enqueue.sendTo(`room:${event.room}`, event)
    }),
    /** Cancels the messages of a room without clients, because unread answers would cost for nothing. */
    cancelAll: enqueueActions(({ context, event, enqueue }) => {
      assertEvent(event, 'room.left')
      for (const { room, message } of context.open)
        if (room === event.room) enqueue.sendTo(`room:${room}`, { type: 'message.cancel', message })
    }),
    tell: emit(({ event }) => {
      assertEvent(event, 'message.told')
      return event.event
    }),
    settle: assign(({ context, event }) => {
      assertEvent(event, 'message.told')
      const told = event.event
      return isEnd(told) ? { open: context.open.filter(({ message }) => message !== told.message) } : {}
    }),
  },
})
