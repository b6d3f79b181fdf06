import { assign } from 'xstate'
import { overloaded, unavailable } from './causes.ts'
import { initialContext, inputOf } from './context.ts'
import { healthy } from './healthy.ts'
import { lifecycle, stopping } from './lifecycle.ts'
import { reaping } from './reaping.ts'
import { configuring, probing, spawning } from './starting.ts'

/**
 * The lifecycle of one opencode server: idle → configuring → spawning → probing → healthy → reaping, and `failed` where
 * the restart budget is spent. It decides; its actors act. Turns are its children, `turn:<turnId>`.
 *
 * Input: `compileOptions(options)`. Embed it, `provide()` actors of your own, read `snapshot.matches('healthy')`.
 *
 * @example
 * const actor = createActor(serverMachine, { input: compileOptions(options) }).start()
 * actor.send({ type: 'server.start' })
 * await waitFor(actor, (snapshot) => snapshot.matches('healthy'))
 */
export const serverMachine = lifecycle.createMachine({
  id: 'server',
  context: ({ input }) => initialContext(input),
  initial: 'idle',
  invoke: { id: 'home', src: 'home', input: inputOf },
  on: {
    'server.start': { actions: 'want' },
    'server.release': { actions: 'release' },
    'server.stop': { actions: stopping },
    'server.reconfigure': { actions: 'notePending' },
    'turn.start': [
      {
        guard: 'isOverflow',
        actions: { type: 'refuseTurn', params: ({ context }) => ({ cause: overloaded(context) }) },
      },
      { guard: 'isKnownTurn', actions: { type: 'acceptTurn', params: { state: 'waitingForServer' } } },
    ],
    'turn.cancel': { actions: 'cancelTurn' },
    'turn.ended': { actions: 'releaseChild' },
    'xstate.done.actor.*': { actions: 'releaseChild' },
    'xstate.error.actor.*': { actions: 'releaseChild' },
  },
  states: {
    idle: {
      description: 'nothing runs, nothing is wanted',
      entry: ['forget', 'adoptPending', 'releaseHome'],
      always: { guard: 'isWanted', target: 'configuring' },
      on: { 'server.reconfigure': { actions: ['notePending', 'adoptPending'] } },
    },

    configuring,
    spawning,
    probing,
    healthy,
    reaping,

    failed: {
      description:
        'nothing runs; the error says why; server.start tries again, and so does a turn if the fault may have passed',
      entry: [
        'releaseHome',
        'noteFailed',
        { type: 'endWaiting', params: ({ context }) => ({ cause: unavailable(context) }) },
      ],
      on: {
        'server.start': {
          target: 'configuring',
          actions: ['want', 'renewBudget', assign({ ending: undefined })],
        },
        'server.reconfigure': { actions: ['notePending', 'adoptPending'] },
        'turn.start': { guard: 'isKnownTurn', target: '.judging', actions: 'noteTime' },
      },
      initial: 'resting',
      states: {
        resting: {},
        judging: {
          always: [
            {
              guard: 'mayTryAgain',
              target: '#server.configuring',
              actions: [{ type: 'acceptTurn', params: { state: 'waitingForServer' } }, 'beginLastTry'],
            },
            {
              target: 'resting',
              actions: { type: 'refuseTurn', params: ({ context }) => ({ cause: unavailable(context) }) },
            },
          ],
        },
      },
    },
  },
})
