import { not } from 'xstate'
import { chatSetup } from './setup.ts'

/**
 * Machine of a chat service: rooms, each a conversation with one agent. An opencode server is its child, and
 * its states follow that server's lifecycle.
 * A message is accepted while its room has a place and the server is up, starts or restarts (the message then
 * waits). Otherwise it is rejected, because the wait would have no known end. `snapshot.can(event)` tells in
 * advance.
 */
export const chatMachine = chatSetup.createMachine({
  id: 'chat',
  context: ({ input, spawn }) => ({
    ...input,
    server: spawn('server', { id: 'server', input: input.opencode }),
    lifecycle: { state: 'idle' },
    rooms: [],
    open: [],
  }),
  invoke: { src: 'lifecycle', input: ({ context }) => context.server },
  on: {
    'server.changed': { actions: 'noteServer' },
    'message.post': { guard: 'hasPlace', actions: 'post' },
    'message.cancel': { guard: 'isOpen', actions: 'pass' },
    'permission.answer': { guard: 'isRoom', actions: 'pass' },
    'message.told': { actions: ['tell', 'settle'] },
    'room.left': { actions: 'cancelAll' },
    'service.close': '.closing',
  },
  initial: 'opening',
  states: {
    opening: {
      description: 'the server starts; messages wait',
      entry: 'startServer',
      always: [
        { guard: 'isUp', target: 'ready' },
        { guard: 'isDown', target: 'down' },
      ],
    },
    ready: {
      description: 'messages are answered',
      always: { guard: not('isUp'), target: 'degraded' },
    },
    degraded: {
      description:
        'the server comes back, or is replaced; what ran has ended with an error, other messages wait',
      always: [
        { guard: 'isUp', target: 'ready' },
        { guard: 'isDown', target: 'down' },
      ],
    },
    down: {
      description: 'the server failed for good; messages are refused until it is tried again',
      on: { 'message.post': {}, 'service.retry': { actions: 'startServer' } },
      after: { retry: { actions: 'startServer' } },
      always: { guard: not('isDown'), target: 'opening' },
    },
    closing: {
      description: 'running answers may finish; messages are refused',
      on: { 'message.post': {}, 'service.close': {} },
      invoke: { src: 'stop', input: ({ context }) => context, onDone: 'closed', onError: 'closed' },
    },
    closed: { type: 'final' },
  },
})
