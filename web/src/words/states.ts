import type { LifecycleState, TurnState } from '../api/types.ts'

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

/** Colours and words of the states of a turn; a turn that has ended is told by its terminal reply. */
export const turnStates: Readonly<Record<Exclude<TurnState, 'done'>, { tone: Tone; word: string }>> = {
  queued: { tone: 'idle', word: 'Queued' },
  running: { tone: 'busy', word: 'Running' },
}
