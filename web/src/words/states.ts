import type { LifecycleState, TerminalReply } from '../api/types.ts'

/** Kinds of states, each with a colour and a shape of its own. */
export type Tone = 'ok' | 'busy' | 'warn' | 'bad' | 'idle'

/** Colours and words of the states of a server. */
export const serverStates: Readonly<Record<LifecycleState, { tone: Tone; word: string }>> = {
  idle: { tone: 'idle', word: 'Idle' },
  configuring: { tone: 'busy', word: 'Configuring' },
  spawning: { tone: 'busy', word: 'Spawning' },
  probing: { tone: 'busy', word: 'Probing' },
  healthy: { tone: 'ok', word: 'Healthy' },
  reaping: { tone: 'warn', word: 'Reaping' },
  failed: { tone: 'bad', word: 'Failed' },
}

/** State of a turn as a person reads it. */
export interface ShownState {
  word: string
  tone: Tone
}

const turnStates: Readonly<Record<string, ShownState>> = {
  queued: { word: 'Queued', tone: 'idle' },
  waiting_for_server: { word: 'Waits for the server', tone: 'idle' },
  retrying: { word: 'Retries', tone: 'warn' },
  resyncing: { word: 'Reads what it missed', tone: 'warn' },
  done: { word: 'Done', tone: 'ok' },
}

/** Returns the state of a turn; one that has ended is told by its terminal reply. */
export function turnStateOf(state: string, end: TerminalReply | null | undefined): ShownState {
  if (end?.kind === 'error')
    return end.code === 'cancelled' ? { word: 'Cancelled', tone: 'idle' } : { word: 'Failed', tone: 'bad' }
  return turnStates[end ? 'done' : state] ?? { word: 'Running', tone: 'busy' }
}
