import type { AnyActorRef } from 'xstate'
import type { TerminalReply } from '../replies.ts'
import type { TurnRecord, TurnState } from './turn/turn-record.ts'

/** Outcome of a probe; a probe that an exit or a stop interrupts is not reported. */
export type ProbeOutcome = 'ok' | 'failed' | 'timeout'

/** Hooks for events beside a server machine, used by telemetry and the log. Errors of hooks are ignored. */
export interface ServerHooks {
  /** Reports a new server machine; a hook follows the machine by subscribing to its actor. */
  onMachine?: (actor: AnyActorRef) => void
  /** Reports a condition of the host or the home that needs attention; called once per condition. */
  onWarning?: (message: string) => void
  /** Reports the end of a probe, with its duration in ms of the system's time. */
  onProbe?: (ms: number, outcome: ProbeOutcome) => void
  /**
   * Reports the start of a turn; called within `turn()`, in the caller's context. `now` returns the system's
   * time in ms.
   */
  onTurn?: (record: TurnRecord, now: () => number) => TurnHooks
}

/** Hooks for one turn; only the first delta is reported, not each delta. */
export interface TurnHooks {
  onState?: (state: TurnState) => void
  onFirstDelta?: () => void
  /** Reports the terminal reply; called once. */
  onEnd?: (reply: TerminalReply) => void
}
