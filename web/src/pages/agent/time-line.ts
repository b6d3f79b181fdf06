import type { FleetEvent, Lifecycle, LifecycleState } from '../../api/types.ts'
import { explain } from '../../words/reasons.ts'

/** Entry of the time line: a state with its duration, or something that happened to the agent. */
export interface Entry {
  seq: number
  at: number
  /** Time at which the next state began; `undefined` while the state lasts, and for what has no duration. */
  until: number | undefined
  /** `undefined` for something that is no state. */
  state: LifecycleState | undefined
  title: string
  isFault: boolean
  /** Error that became known with this entry; later entries of the same trouble have none. */
  error: Lifecycle['error']
  pid: number | undefined
  /** True if the server was started again after it had run. */
  isRestart: boolean
}

type LifecycleEvent = Extract<FleetEvent, { type: 'agent.lifecycle' }>

/** Sentences of the events of an agent that are no states. */
const happenings: Partial<Record<FleetEvent['type'], string>> = {
  'agent.added': 'Declared',
  'agent.changed': 'Its spec was changed',
  'agent.removed': 'Removed from the fleet',
}

/**
 * Returns the time line of an agent, the newest entry first.
 *
 * @param events - events of the agent, the oldest first
 */
export function timeLineOf(events: readonly FleetEvent[]): Entry[] {
  const entries: Entry[] = []
  let before: LifecycleEvent | undefined
  let open: Entry | undefined
  for (const event of events) {
    if (event.type === 'agent.lifecycle') {
      if (open) open.until = event.lifecycle.at
      open = stateEntry(event, before)
      before = event
      entries.push(open)
    } else {
      const title = happenings[event.type]
      if (title !== undefined) entries.push({ ...plain, seq: event.seq, at: event.at, title })
    }
  }
  return entries.reverse()
}

const plain = {
  until: undefined,
  state: undefined,
  isFault: false,
  error: undefined,
  pid: undefined,
  isRestart: false,
} as const

function stateEntry({ seq, lifecycle }: LifecycleEvent, before: LifecycleEvent | undefined): Entry {
  const { state, at, pid, restarts } = lifecycle
  const error = isSame(lifecycle.error, before?.lifecycle.error) ? undefined : lifecycle.error
  const isRestart = before !== undefined && restarts > before.lifecycle.restarts
  const { title, isFault } = explain(lifecycle, before?.lifecycle)
  // A server that ended by a fault and then is idle had one fault.
  const isEcho = state === 'idle' && before?.lifecycle.reason === lifecycle.reason
  return { ...plain, seq, at, state, pid, error, isRestart, title, isFault: isFault && !isEcho }
}

const isSame = (a: Lifecycle['error'], b: Lifecycle['error']): boolean =>
  a?.code === b?.code && a?.message === b?.message

/** Present state of a server, as far as the events tell. */
export interface Present {
  /** Time since which the state lasts; `undefined` if it began before the first event that is known. */
  since: number | undefined
  pid: number | undefined
}

/** Returns since when the present state lasts, and the process; entries come newest first. */
export function presentOf(entries: readonly Entry[], state: LifecycleState): Present {
  const states = entries.filter((entry) => entry.state !== undefined)
  const other = states.findIndex((entry) => entry.state !== state)
  const [newest] = states
  const first = other === -1 ? states.at(-1) : states[other - 1]
  if (newest?.state !== state) return { since: undefined, pid: undefined }
  return { since: first?.at, pid: newest.pid }
}

/** Transition between two states, as the chart lights it. */
export interface Transition {
  seq: number
  from: LifecycleState
  to: LifecycleState
  at: number
}

/** Returns the last transitions, the newest first; entries come newest first. */
export function transitionsOf(entries: readonly Entry[], most = 3): Transition[] {
  const found: Transition[] = []
  const states = entries.filter((entry) => entry.state !== undefined)
  states.forEach(({ seq, state: to, at }, i) => {
    const from = states[i + 1]?.state
    if (from && to && from !== to && found.length < most) found.push({ seq, from, to, at })
  })
  return found
}
