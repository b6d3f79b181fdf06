import { byText, drop, putKey, sorted, type Sorted } from './sorted.ts'
import { kindOf, type AgentSettings, type Item, type Kind } from './types.ts'

/** An agent with its entries. */
export interface AgentState extends AgentSettings {
  readonly id: string
  /** Number of admissions in the fleet until the last one of this agent; 0 if it has had none lately. */
  readonly stamp: number
  /** Number of running turns, and of running turns and operations. */
  readonly running: number
  readonly runningEntries: number
  /** Number of waiting turns. */
  readonly queued: number
  /** All entries, by conversation, then first come. Only the first of a conversation can run. */
  readonly line: Sorted<Item>
  /** Waiting entries that are the first of their conversations, the next one first. */
  readonly heads: Readonly<Record<Kind, Sorted<Item>>>
}

const byConversation = (a: Item, b: Item): number =>
  byText(a.entry.conversationId, b.entry.conversationId) || a.seq - b.seq

const byRank = (a: Item, b: Item): number => a.rank - b.rank || a.seq - b.seq

const noItems = sorted<Item>(byConversation)
const noHeads = { turn: sorted<Item>(byRank), operation: sorted<Item>(byRank) }

/** Returns an agent without entries. */
export const newAgent = (id: string, stamp: number, settings: AgentSettings): AgentState => ({
  id,
  stamp,
  ...settings,
  running: 0,
  runningEntries: 0,
  queued: 0,
  line: noItems,
  heads: noHeads,
})

/** Returns the first entry of a conversation, given any entry that is or was in the conversation. */
function firstOf(line: Sorted<Item>, item: Item): Item | undefined {
  const first = line.nextHigherKey({ ...item, seq: 0 })
  return first?.entry.conversationId === item.entry.conversationId ? first : undefined
}

const withHead = (heads: AgentState['heads'], item: Item): AgentState['heads'] => ({
  ...heads,
  [kindOf(item)]: putKey(heads[kindOf(item)], item),
})

const withoutHead = (heads: AgentState['heads'], item: Item): AgentState['heads'] => ({
  ...heads,
  [kindOf(item)]: drop(heads[kindOf(item)], item),
})

const turnsOf = (item: Item): 0 | 1 => (kindOf(item) === 'turn' ? 1 : 0)

/** True for an entry that waits, first in its conversation. */
export const isHead = (agent: AgentState, item: Item): boolean => agent.heads[kindOf(item)].has(item)

export function withItem(agent: AgentState, item: Item): AgentState {
  const isFirst = firstOf(agent.line, item) === undefined
  return {
    ...agent,
    queued: agent.queued + turnsOf(item),
    line: putKey(agent.line, item),
    heads: isFirst ? withHead(agent.heads, item) : agent.heads,
  }
}

/** Returns the agent with a head running. An operation does not change whose turn comes next. */
export const withStarted = (agent: AgentState, item: Item, stamp: number): AgentState => ({
  ...agent,
  stamp: kindOf(item) === 'turn' ? stamp : agent.stamp,
  running: agent.running + turnsOf(item),
  runningEntries: agent.runningEntries + 1,
  queued: agent.queued - turnsOf(item),
  heads: withoutHead(agent.heads, item),
})

/** Returns the agent without an entry. If the entry was the first of its conversation, the next one becomes a head. */
export function withoutItem(agent: AgentState, item: Item, isRunning: boolean): AgentState {
  const line = drop(agent.line, item)
  const heads = isHead(agent, item) ? withoutHead(agent.heads, item) : agent.heads
  const next = isRunning || heads !== agent.heads ? firstOf(line, item) : undefined
  return {
    ...agent,
    line,
    heads: next ? withHead(heads, next) : heads,
    ...(isRunning
      ? { running: agent.running - turnsOf(item), runningEntries: agent.runningEntries - 1 }
      : { queued: agent.queued - turnsOf(item) }),
  }
}

/** Returns the entry of a kind that the agent would run next, unless the agent runs as many turns as it may. */
export function offerOf(agent: AgentState, kind: Kind): Item | undefined {
  if (kind === 'turn' && agent.running >= agent.maxRunningTurns) return undefined
  return agent.heads[kind].minKey()
}
