import type { AnyActorRef } from 'xstate'
import type { TerminalReply } from '../replies.ts'
import type { TurnRecord, TurnState } from './turn/turn-record.ts'

/** What became of a probe. One that was cut short by something else, an exit or a stop, is not told. */
export type ProbeOutcome = 'ok' | 'failed' | 'timeout'

/** Who is told what happens beside a server machine: telemetry, a log. What it throws is dropped. */
export interface Observer {
  /** A server machine lives; its life is followed by subscribing to it. */
  onMachine?: (actor: AnyActorRef) => void
  /** Reports a condition of the host or the home that needs attention; called once for each. */
  onWarning?: (message: string) => void
  /** A probe ended, after so many ms of the system's time. */
  onProbe?: (ms: number, outcome: ProbeOutcome) => void
  /** A turn begins. Called within `turn()`, in its caller's context; `now` is the system's time in ms. */
  onTurn?: (record: TurnRecord, now: () => number) => TurnObserver
}

/** Who is told of one turn. Nothing is told per delta, but of the first. */
export interface TurnObserver {
  onState?: (state: TurnState) => void
  onFirstDelta?: () => void
  /** Once, with the terminal reply. */
  onEnd?: (reply: TerminalReply) => void
}
