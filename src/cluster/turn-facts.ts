import type { TurnStatus } from '../actors/turn/turn-record.ts'
import type { PendingRequest, Reply, Todo, Usage } from '../replies.ts'
import type { ParcelRef } from './store/cluster-store.ts'

/** Input of a turn, and its context, sealed for the hosts. */
export interface TurnContent {
  /** Function policies have become `ask`. */
  readonly input: Readonly<Record<string, unknown>>
  readonly context?: string
}

/** Turn as its caller sends it to the owner of the agent. All of it travels as JSON. */
export interface SentTurn extends TurnContent {
  readonly turnId: string
  /** Turns of one conversation run one after the other, in one session. */
  readonly conversation: string
  readonly traceId: string | null
  readonly priority: number
  /** Time limit from the moment at which the inbox took the turn, in ms. */
  readonly deadlineMs: number | null
  /** Content that is larger than a message. It is stored apart. */
  readonly parcel?: ParcelRef
  /** True if the caller answers requests. Without an answer to come, a request is rejected at once. */
  readonly answers: boolean
  /** True if the owner deletes the session of the turn after its end. */
  readonly isThrowAway?: true
}

/** Record of a turn, as the owner of its agent stores it. */
export type TurnFact =
  /** A host has become the owner of the turn. */
  | { readonly kind: 'claimed'; readonly hostId: string }
  /** The turn begins to run. Stored before anything runs. */
  | { readonly kind: 'started' }
  /** The turn runs again: what was told since the last start does not count. */
  | { readonly kind: 'restarted' }
  | {
      readonly kind: 'reply'
      readonly reply: Reply
      readonly usage?: Usage
      /** Time of a tool's call or result, in epoch ms. */
      readonly at?: number
    }
  | { readonly kind: 'status'; readonly status: TurnStatus }
  | { readonly kind: 'session'; readonly sessionId: string }
  | { readonly kind: 'todos'; readonly todos: Todo[] }
  | { readonly kind: 'request'; readonly pending: PendingRequest }
  | {
      readonly kind: 'request_closed'
      readonly requestId: string
      readonly by: 'answer' | 'timeout' | 'turn'
    }
  /** The texts of the turn, which had its end, were deleted with its session or agent. */
  | { readonly kind: 'erased' }
  /** Part of a record that is larger than a message may be, as JSON; the last part has `isLast`. */
  | { readonly kind: 'part'; readonly text: string; readonly isLast?: true }
