import type { AgentKey } from './store/cluster-store.ts'

/** Home of an agent that changes its host. */
export interface MovedHome {
  readonly agent: AgentKey
  /** Epoch of the host that owns the agent now. */
  readonly epoch: number
}

/** Saves the homes of agents, and restores them on the next host. */
export interface Homes {
  /** True if homes are saved at all. */
  readonly savesHomes: boolean
  /** True to save a home before the end of each turn is told. */
  readonly savesBeforeEnd: boolean
  /** Brings the home of an agent to this host, as the owner before has saved it. */
  restore(home: MovedHome, signal: AbortSignal): Promise<void>
  /**
   * Saves the home of an agent. A failure is logged, and changes nothing.
   *
   * @throws FencedHomeError if a later owner has the home, or the reason of the signal
   */
  save(home: MovedHome, signal: AbortSignal): Promise<void>
}

/** Homes that are never saved: an agent on another host begins with the home that is there. */
export const unsavedHomes: Homes = {
  savesHomes: false,
  savesBeforeEnd: false,
  restore: () => Promise.resolve(),
  save: () => Promise.resolve(),
}
