import { assign, sendParent, sendTo, setup } from 'xstate'
import { claim, release, type ClaimInput, type Ownership } from '../actors/claim.ts'
import { mailbox, type MailboxCommand, type MailboxFact } from '../actors/mailbox.ts'
import { endOverdue } from '../actors/overdue.ts'
import { close, open, restore, save, type OwnedInput } from '../actors/placement-work.ts'
import { FencedHomeError } from '../homes/home-register.ts'
import { keyOf } from '../store/cluster-store.ts'
import { firstLine, messageOf } from '../../util/messages.ts'

/** Input of a placement. */
export interface PlacementInput extends ClaimInput {
  /** Time without a turn after which the host gives the agent up, in ms. */
  readonly idleMs: number
  /** True to only end the turns whose time is over, because the host has no room for the agent. */
  readonly isForOverdue?: boolean
}

/** Context of a placement. */
export interface PlacementContext extends PlacementInput {
  readonly ownership: Ownership | null
  /** Message of each turn's end, if the agent cannot be used on this host. */
  readonly failure: string | null
  /** True if the agent is to be released as soon as nothing of it runs. */
  readonly isUnwanted: boolean
  /** Time for running turns to finish, in ms. */
  readonly drainMs: number
  /** Host that should claim the agent next; `undefined` for any. */
  readonly next: string | undefined
  readonly outcome: PlacementOutcome
}

/** End of a placement: another host has the agent, or had it first, or any host may claim it. */
export type PlacementOutcome = 'released' | 'refused' | 'lost'

/** Stage of a placement, as its host sees it. */
export type PlacementStage = 'claiming' | 'opening' | 'busy' | 'idle' | 'ending'

/** Events of a placement. */
export type PlacementEvent =
  | Exclude<MailboxCommand, { type: 'mailbox.drain' }>
  | MailboxFact
  | { type: 'placement.release'; drainMs?: number; next?: string }

/** Report of a placement to its host. */
export interface StageReport {
  type: 'placement.stage'
  key: string
  stage: PlacementStage
  epoch: number
}

/** Result of a placement. */
export interface PlacementOutput {
  readonly key: string
  readonly outcome: PlacementOutcome
}

const types = {} as {
  context: PlacementContext
  events: PlacementEvent
  input: PlacementInput
  output: PlacementOutput
}

/** Time for running turns to finish, unless the release names another, in ms. */
const usualDrainMs = 30_000

const noOwnership: Ownership = { epoch: 0, revision: 0, last: null }
const owned = ({ context }: { context: PlacementContext }): OwnedInput => ({
  runtime: context.runtime,
  agent: context.agent,
  ownership: context.ownership ?? noOwnership,
})

const placementSetup = setup({
  types,
  actors: { claim, endOverdue, restore, open, mailbox, save, close, release },
  delays: {
    idleTimeout: ({ context }) => context.idleMs,
    /** Wait after which an agent that cannot be used is given up, so that another host may try. */
    failureTimeout: ({ context }) => context.leaseMs,
    drainTimeout: ({ context }) => context.drainMs,
  },
  guards: {
    isUnwanted: ({ context }) => context.isUnwanted,
    hasFailed: ({ context }) => context.failure !== null,
    isForOverdue: ({ context }) => context.isForOverdue === true,
  },
  actions: {
    noteRelease: assign(({ event, context }) => ({
      isUnwanted: true,
      drainMs: event.type === 'placement.release' ? (event.drainMs ?? context.drainMs) : context.drainMs,
      next: event.type === 'placement.release' ? event.next : context.next,
    })),
    noteFailure: assign(({ event }) => ({
      failure: `The agent cannot be used on its host: ${firstLine(messageOf((event as { error?: unknown }).error))}`,
    })),
    report: sendParent(({ context }, stage: PlacementStage): StageReport => ({
      type: 'placement.stage',
      key: keyOf(context.agent),
      stage,
      epoch: context.ownership?.epoch ?? 0,
    })),
    passOn: sendTo('mailbox', ({ event }) => event as MailboxCommand),
    drainMailbox: sendTo('mailbox', { type: 'mailbox.drain' }),
  },
})

const closeInput = ({ context }: { context: PlacementContext }) => ({
  runtime: context.runtime,
  agent: context.agent,
})
const failed = { target: 'serving', actions: 'noteFailure' } as const
/** Another owner has the home, and so the agent. */
const isFenced = ({ event: { error } }: { event: { error: unknown } }): boolean =>
  error instanceof FencedHomeError

/** One agent on one host, from the claim to the release. */
export const placementMachine = placementSetup.createMachine({
  id: 'placement',
  context: ({ input }) => ({
    ...input,
    ownership: null,
    failure: null,
    isUnwanted: false,
    drainMs: usualDrainMs,
    next: undefined,
    outcome: 'refused',
  }),
  initial: 'claiming',
  on: { 'placement.lost': '.lost', 'placement.release': { actions: 'noteRelease' } },
  output: ({ context }) => ({ key: keyOf(context.agent), outcome: context.outcome }),
  states: {
    claiming: {
      description: 'makes the host the owner of the agent, by compare-and-set',
      invoke: {
        src: 'claim',
        input: ({ context }) => context,
        onDone: { target: 'owned', actions: assign({ ownership: ({ event }) => event.output }) },
        onError: 'refused',
      },
    },

    owned: {
      always: [{ guard: 'isForOverdue', target: 'expiring' }, { target: 'restoring' }],
    },

    expiring: {
      description: 'ends the turns whose time is over; the agent does not run',
      invoke: {
        src: 'endOverdue',
        input: ({ context }) => ({ ...owned({ context }), hostId: context.hostId }),
        onDone: 'releasing',
        onError: 'releasing',
      },
    },

    restoring: {
      description: 'brings the home of the agent to this host',
      entry: { type: 'report', params: 'opening' },
      invoke: {
        src: 'restore',
        input: owned,
        onDone: 'opening',
        onError: [{ guard: isFenced, target: 'lost' }, failed],
      },
    },

    opening: {
      description: 'makes the agent ready for turns',
      invoke: { src: 'open', input: owned, onDone: 'serving', onError: failed },
    },

    serving: {
      description: 'runs the turns in the inbox; an agent that cannot be used tells so to each turn',
      invoke: {
        id: 'mailbox',
        src: 'mailbox',
        input: ({ context }) => ({
          ...owned({ context }),
          hostId: context.hostId,
          failure: context.failure ?? undefined,
        }),
        onError: 'lost',
      },
      on: { 'mail.noticed': { actions: 'passOn' }, 'mail.look': { actions: 'passOn' } },
      after: { failureTimeout: { guard: 'hasFailed', target: '.draining' } },
      initial: 'busy',
      onDone: 'saving',
      states: {
        busy: {
          entry: { type: 'report', params: 'busy' },
          always: { guard: 'isUnwanted', target: 'draining' },
          on: { 'mailbox.idle': 'idle' },
        },
        idle: {
          entry: { type: 'report', params: 'idle' },
          always: { guard: 'isUnwanted', target: 'draining' },
          after: { idleTimeout: 'draining' },
          on: { 'mailbox.busy': 'busy' },
        },
        draining: {
          description: 'running turns finish, waiting ones stay in the inbox',
          entry: [{ type: 'report', params: 'ending' }, 'drainMailbox'],
          after: { drainTimeout: 'ended' },
          on: {
            'mailbox.drained': 'ended',
            'placement.release': { target: 'draining', reenter: true, actions: 'noteRelease' },
          },
        },
        ended: { type: 'final' },
      },
    },

    saving: {
      description: 'saves the home of the agent',
      invoke: { src: 'save', input: owned, onDone: 'closing', onError: 'closing' },
    },

    closing: {
      description: 'ends the processes of the agent',
      invoke: { src: 'close', input: closeInput, onDone: 'releasing', onError: 'releasing' },
    },

    releasing: {
      description: 'gives the agent up, so that any host may claim it',
      invoke: {
        src: 'release',
        input: ({ context }) => ({ ...context, ownership: context.ownership ?? noOwnership }),
        onDone: 'released',
        onError: 'released',
      },
    },

    lost: {
      description: 'another host may have the agent: ends everything of it here',
      entry: [{ type: 'report', params: 'ending' }, assign({ outcome: 'lost' })],
      on: { 'placement.lost': {} },
      invoke: { src: 'close', input: closeInput, onDone: 'gone', onError: 'gone' },
    },

    released: { type: 'final', entry: assign({ outcome: 'released' }) },
    refused: { type: 'final' },
    gone: { type: 'final' },
  },
})
