import { isTerminal, serverMachine, startTurn, stopServer } from 'opencode-runtime'
import type { CompiledOptions, Reply, ServerActorRef } from 'opencode-runtime'
import { defer, finalize, map } from 'rxjs'
import { assertEvent, assign, emit, fromEventObservable, fromPromise, setup } from 'xstate'

/** Event of the running job. */
export type ReplyEvent = { type: 'turn.reply'; reply: Reply }

const types = {} as {
  input: { opencode: CompiledOptions; maxTries: number; retryMs: number }
  context: { opencode: CompiledOptions; maxTries: number; retryMs: number; jobs: string[]; tries: number }
  events: ReplyEvent | { type: 'job.add'; text: string } | { type: 'job.skip' } | { type: 'app.close' }
  emitted: { type: 'job.reply'; job: string; reply: Reply }
  children: { opencode: 'opencode' }
}

const jobsSetup = setup({
  types,
  actors: {
    opencode: serverMachine,
    /**
     * Runs a turn on the server of the system, and sends its replies to the parent. When the parent leaves the state,
     * the turn is cancelled.
     */
    turn: fromEventObservable<ReplyEvent, { text: string }>(({ input, system }) =>
      defer(() => {
        const turn = startTurn(system.get('opencode') as ServerActorRef, input.text)
        return turn.replies$.pipe(
          map((reply): ReplyEvent => ({ type: 'turn.reply', reply })),
          finalize(() => turn.cancel()),
        )
      }),
    ),
    /** Stops the server; resolves when nothing of it is left. */
    stop: fromPromise(({ system }) => stopServer(system.get('opencode') as ServerActorRef)),
  },
  delays: { retry: ({ context }) => context.retryMs * 2 ** (context.tries - 1) },
  guards: {
    hasJob: ({ context }) => context.jobs.length > 0,
    mayPass: ({ context, event }) => {
      assertEvent(event, 'turn.reply')
      const { reply } = event
      return reply.kind === 'error' && reply.retryable && context.tries < context.maxTries
    },
    isEnd: ({ event }) => {
      assertEvent(event, 'turn.reply')
      return isTerminal(event.reply)
    },
  },
  actions: {
    add: assign(({ context, event }) => {
      assertEvent(event, 'job.add')
      return { jobs: [...context.jobs, event.text] }
    }),
    countTry: assign({ tries: ({ context }) => context.tries + 1 }),
    tell: emit(({ context, event }) => {
      assertEvent(event, 'turn.reply')
      return { type: 'job.reply' as const, job: context.jobs[0] ?? '', reply: event.reply }
    }),
    next: assign({ jobs: ({ context }) => context.jobs.slice(1), tries: 0 }),
  },
})

/**
 * Machine of an application that puts one job after another to an agent, and tries a job again if its error may pass.
 * The opencode server is a child of `open`: it is there as long as the application is in that state.
 */
export const jobsMachine = jobsSetup.createMachine({
  id: 'jobs',
  context: ({ input }) => ({ ...input, jobs: [], tries: 0 }),
  initial: 'open',
  states: {
    open: {
      description: 'the server is there; leaving the state would end its process tree and its turns',
      invoke: {
        id: 'opencode',
        systemId: 'opencode',
        src: 'opencode',
        input: ({ context }) => context.opencode,
      },
      on: { 'job.add': { actions: 'add' }, 'app.close': '.closing' },
      initial: 'waiting',
      states: {
        waiting: { always: { guard: 'hasJob', target: 'working' } },
        working: {
          description: 'the first job is a turn',
          entry: 'countTry',
          invoke: { src: 'turn', input: ({ context }) => ({ text: context.jobs[0] ?? '' }) },
          on: {
            'turn.reply': [
              { guard: 'mayPass', target: 'pausing' },
              { guard: 'isEnd', target: 'waiting', actions: ['tell', 'next'] },
              { actions: 'tell' },
            ],
            'job.skip': { target: 'waiting', actions: 'next' },
          },
        },
        pausing: {
          description: 'the job is tried again in a while',
          on: { 'job.skip': { target: 'waiting', actions: 'next' } },
          after: { retry: 'working' },
        },
        closing: {
          description: 'the turn was cancelled by leaving its state; the server ends',
          on: { 'job.add': {}, 'app.close': {} },
          invoke: { src: 'stop', onDone: '#jobs.closed', onError: '#jobs.closed' },
        },
      },
    },
    closed: { type: 'final' },
  },
})
