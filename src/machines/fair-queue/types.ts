/** Waiting or running entry: a turn, or an operation of a session, which counts for no limit and no virtual time. */
export interface FairEntry {
  readonly turnId: string
  readonly agentId: string
  readonly tenant: string
  readonly conversationId: string
  /** 0 to 9; higher first, within the tenant. */
  readonly priority: number
  /** Time of arrival, in ms. */
  readonly at: number
  readonly isOperation?: boolean
  /**
   * True for an entry that stands for running turns whose server must start again. It comes before all other entries of
   * its group, of every tenant, because the turns keep their places meanwhile.
   */
  readonly isResuming?: boolean
}

/** Readiness of an entry's agent: `ready` runs entries now, `cold` needs a server first, `held` takes nothing for now. */
export type AgentGroup = 'ready' | 'cold' | 'held'

export interface Limits {
  readonly maxRunningTurns: number
  readonly maxQueuedTurns: number
}

/** Share of a tenant. */
export interface Share extends Limits {
  readonly weight: number
}

export interface AgentSettings extends Limits {
  readonly tenant: string
  readonly group: AgentGroup
}

/** Number of turns, without operations, and how many may run at once. */
export interface Load {
  readonly running: number
  readonly queued: number
  readonly max: number
}

/** Entry in the queue. */
export interface Item {
  readonly entry: FairEntry
  /** Number of entries that were added before this one, plus 1. */
  readonly seq: number
  /** Rank within the tenant; lower first. */
  readonly rank: number
}

/** Turns, which count for the limits, or operations, which do not. */
export type Kind = 'turn' | 'operation'

/** One of the lists of a tenant: the heads that agents of a group can offer, of one kind. */
export type Slot = `${AgentGroup}.${Kind}`

export const kinds: readonly Kind[] = ['turn', 'operation']
export const slots: readonly Slot[] = [
  'ready.turn',
  'ready.operation',
  'cold.turn',
  'cold.operation',
  'held.turn',
  'held.operation',
]

export const kindOf = ({ entry }: Item): Kind => (entry.isOperation === true ? 'operation' : 'turn')
