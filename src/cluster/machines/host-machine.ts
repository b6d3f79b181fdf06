import type { ActorRefFrom } from 'xstate'
import { initialHost, type HostContext } from './host-context.ts'
import { hostSetup } from './host-setup.ts'

const identity = ({ context }: { context: HostContext }) => ({
  ...{ runtime: context.runtime, hostId: context.hostId, leaseMs: context.leaseMs },
  incarnation: context.lease?.incarnation ?? '',
})
const noLease = { incarnation: '', revision: 0, sentAt: 0 }

/**
 * One host of a cluster: its lease, what it sees of the others, and which agents it owns. Each owned agent is a child,
 * a `placementMachine`. Each decision is one transition over the context.
 */
export const hostMachine = hostSetup.createMachine({
  id: 'host',
  context: ({ input }) => initialHost(input),
  initial: 'joining',
  invoke: { id: 'watches', src: 'watches', input: ({ context }) => context, onError: {} },
  on: {
    'host.changed': { actions: 'noteHostOnly' },
    'place.changed': { actions: 'notePlaceOnly' },
    'placement.stage': { actions: 'noteStageOnly' },
    'claim.due': { actions: 'forgetDue' },
    'host.drain': { actions: 'noteDrain' },
    'xstate.done.actor.*': { actions: 'forgetPlacement' },
    'xstate.error.actor.*': { actions: 'forgetPlacement' },
  },
  states: {
    joining: {
      description: 'writes the lease of a new run of the host',
      always: { guard: 'isLeaving', target: 'left' },
      invoke: {
        src: 'join',
        input: ({ context }) => context,
        onDone: { target: 'member', actions: 'noteJoined' },
        onError: { target: 'joining', reenter: true },
      },
    },

    member: {
      description: 'owns agents, as long as its lease is renewed',
      invoke: [
        {
          id: 'lease',
          src: 'lease',
          input: ({ context }) => ({
            ...identity({ context }),
            lease: context.lease ?? noLease,
            used: context.placements.size,
            state: 'up' as const,
          }),
          onError: 'fenced',
        },
        { id: 'quotas', src: 'quotas', input: identity, onError: {} },
        { id: 'sweeper', src: 'sweeper', input: ({ context }) => context, onError: {} },
        { id: 'garbage', src: 'garbage', input: ({ context }) => context, onError: {} },
      ],
      on: {
        'lease.expired': 'fenced',
        'lease.usurped': 'fenced',
        'lease.renewed': { actions: 'noteRenewed' },
        'host.changed': { actions: 'noteHost' },
        'place.changed': { actions: 'notePlace' },
        'mail.added': { actions: 'passMail' },
        'mail.pending': { actions: 'lookIntoPending' },
        'connection.up': { actions: ['lookIntoAll', 'sweep'] },
        'placement.stage': { actions: ['noteStageOnly', 'tellUse'] },
        'xstate.done.actor.*': { actions: ['forgetPlacement', 'tellUse', 'lookIntoReleased'] },
        'xstate.error.actor.*': { actions: ['forgetPlacement', 'tellUse'] },
      },
      initial: 'serving',
      states: {
        serving: {
          initial: 'steady',
          always: { guard: 'isLeaving', target: 'draining' },
          states: {
            steady: {
              description: 'claims agents that have turns and no owner',
              entry: 'sweep',
              on: {
                'lease.late': 'doubtful',
                'mail.added': { actions: ['passMail', 'considerMail'] },
                'mail.pending': { actions: ['lookIntoPending', 'considerPending', 'rebalance'] },
                'mail.overdue': { actions: 'endOverdue' },
                'claim.due': { actions: 'considerDue' },
                'roster.tick': { actions: 'lookForDead' },
                'placement.stage': { actions: ['noteStage', 'tellUse'] },
                'xstate.done.actor.*': {
                  actions: ['forgetPlacement', 'tellUse', 'lookIntoReleased', 'considerWaiting'],
                },
                'xstate.error.actor.*': { actions: ['forgetPlacement', 'tellUse', 'considerWaiting'] },
              },
            },
            doubtful: {
              description: 'the lease is late: judges no other host, and claims nothing',
              on: { 'lease.renewed': { target: 'steady', actions: 'noteRenewed' } },
            },
          },
        },

        draining: {
          description: 'running turns finish, waiting ones stay in the inbox, and all agents are given up',
          entry: ['tellDrain', 'releaseAll'],
          always: { guard: 'isEmpty', target: 'leaving' },
          on: { 'host.drain': { actions: ['noteDrain', 'releaseAll'] } },
        },

        leaving: {
          description: 'deletes the lease',
          invoke: { src: 'leave', input: identity, onDone: '#host.left', onError: '#host.left' },
        },
      },
    },

    fenced: {
      description:
        'no other host may think that this one owns anything: ends all, without a word in the store',
      entry: 'loseAll',
      always: [
        { guard: 'isLeavingEmpty', target: 'left' },
        { guard: 'isEmpty', target: 'joining' },
      ],
    },

    left: {
      description: 'no agent runs here',
      type: 'final',
    },
  },
})

/** Actor reference of a running `hostMachine`. */
export type HostActorRef = ActorRefFrom<typeof hostMachine>
