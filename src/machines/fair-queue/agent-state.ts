import { byText, drop, putKey, sorted, type Sorted } from './sorted.ts'
import { kindOf, type AgentSettings, type Item, type Kind } from './types.ts'

/** An agent with its entries. */
export interface AgentState extends AgentSettings {
  readonly id: string
  /** Number of admissions in the fleet until the last one of this agent; 0 if it has had none lately. */
  readonly stamp: number
  /** Time of the last admission of a turn, in ms; 0 if there was none. */
  readonly admittedAt: number
  /** Number of running turns, and of running turns and operations. */
  readonly running: number
  readonly runningEntries: number
  /** Number of waiting turns. */
  readonly queued: number
  /** All entries, by conversation, then first come. Only the first of a conversation can run. */
  readonly line: Sorted<Item>
  /** Waiting entries that are the first of their conversations. */
  readonly heads: Readonly<Record<Kind, Heads>>
}

interface Heads {
  /** The next one first. */
  readonly items: Sorted<Item>
  /** Number of heads of each priority. */
  readonly counts: readonly number[]
}

const byConversation = (a: Item, b: Item): number =>
  byText(a.entry.conversationId, b.entry.conversationId) || a.seq - b.seq

/** Order within an agent: priority and age, then first come. */
export const byRank = (a: Item, b: Item): number => a.rank - b.rank || a.seq - b.seq

const noItems = sorted<Item>(byConversation)
const none: Heads = { items: sorted(byRank), counts: Array<number>(10).fill(0) }
const noHeads = { turn: none, operation: none }

/** Returns an agent without entries. */
export const newAgent = (id: string, stamp: number, settings: AgentSettings): AgentState => ({
  id,
  stamp,
  admittedAt: 0,
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

const withHead = (heads: AgentState['heads'], item: Item): AgentState['heads'] => {
  const { items, counts } = heads[kindOf(item)]
  return { ...heads, [kindOf(item)]: { items: putKey(items, item), counts: counted(counts, item, 1) } }
}

const withoutHead = (heads: AgentState['heads'], item: Item): AgentState['heads'] => {
  const { items, counts } = heads[kindOf(item)]
  return { ...heads, [kindOf(item)]: { items: drop(items, item), counts: counted(counts, item, -1) } }
}

const counted = (counts: Heads['counts'], { entry }: Item, more: 1 | -1): Heads['counts'] =>
  counts.with(entry.priority, (counts[entry.priority] ?? 0) + more)

const turnsOf = (item: Item): 0 | 1 => (kindOf(item) === 'turn' ? 1 : 0)

/** True for an entry that waits, first in its conversation. */
export const isHead = (agent: AgentState, item: Item): boolean => agent.heads[kindOf(item)].items.has(item)

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
export const withStarted = (agent: AgentState, item: Item, stamp: number, now: number): AgentState => ({
  ...agent,
  ...(kindOf(item) === 'turn' && { stamp, admittedAt: now }),
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
  return agent.heads[kind].items.minKey()
}

/** Returns the highest priority of the heads of a kind. */
export const urgencyOf = (agent: AgentState, kind: Kind): number =>
  agent.heads[kind].counts.findLastIndex((count) => count > 0)

/** Returns the waiting entry of any kind that comes first; `undefined` if no entry can run. */
export function firstHead({ heads }: AgentState): Item | undefined {
  const [turn, operation] = [heads.turn.items.minKey(), heads.operation.items.minKey()]
  return turn && operation ? (byRank(turn, operation) < 0 ? turn : operation) : (turn ?? operation)
}

/** Returns whether a conversation of the agent has entries. */
export function hasConversation({ line }: AgentState, conversationId: string): boolean {
  const any = line.minKey()
  const first = any && line.nextHigherKey({ ...any, entry: { ...any.entry, conversationId }, seq: 0 })
  return first?.entry.conversationId === conversationId
}
