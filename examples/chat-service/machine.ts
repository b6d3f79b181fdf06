import { not } from 'xstate'
import { chatSetup } from './setup.ts'

/**
 * A chat service: rooms, each a conversation with one agent. It keeps an opencode server as its child, and how it is follows
 * from that server's lifecycle. A message is taken while the server is up, starts or comes back (it waits, then), and as long as
 * its room has a place; one that would wait for nobody knows what is refused. `snapshot.can(event)` tells.
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
