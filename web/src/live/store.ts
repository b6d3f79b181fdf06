import { batch, signal, type ReadonlySignal, type Signal } from '@preact/signals-core'
import { onUnauthorized } from '../api/client.ts'
import type { AgentStatus, FleetEvent, PendingRequest } from '../api/types.ts'
import { AgentEvents } from './agent-events.ts'
import { setClockOffset, startClock } from './clock.ts'
import { linkFeed, type FeedLink } from './feed-link.ts'
import { FleetModel, type FleetTotals } from './fleet-model.ts'
import { FrameTask } from './frames.ts'
import type { ClosedRequest, Connection, FeedMessage, StreamItem } from './stream-items.ts'

export { now } from './clock.ts'
export type { FleetTotals } from './fleet-model.ts'
export type { ClosedRequest, Connection } from './stream-items.ts'

const model = new FleetModel()
const connectionValue = signal<Connection>({ state: 'connecting', since: Date.now(), attempt: 0 })
const totalsValue = signal<FleetTotals | undefined>(undefined)
const idsValue = signal<readonly string[]>([])
const agentsValue = signal<readonly AgentStatus[]>([])
const requestsValue = signal<readonly PendingRequest[]>([])
const closedValue = signal<ReadonlyMap<string, ClosedRequest>>(new Map())
const endedValue = signal(0)

/** Connection with the gateway. */
export const connection: ReadonlySignal<Connection> = connectionValue
/** Numbers of the fleet; `undefined` before the first snapshot. */
export const totals: ReadonlySignal<FleetTotals | undefined> = totalsValue
/** Ids of all agents, sorted; changes only when an agent is added or removed. */
export const agentIds: ReadonlySignal<readonly string[]> = idsValue
/** All agents, sorted by their ids. An agent that has not changed is the same object. */
export const agents: ReadonlySignal<readonly AgentStatus[]> = agentsValue
/** Open requests, the oldest first. */
export const requests: ReadonlySignal<readonly PendingRequest[]> = requestsValue
/** Last requests that have closed while the page was open, by their ids. */
export const closedRequests: ReadonlySignal<ReadonlyMap<string, ClosedRequest>> = closedValue
/** Number of turns that have ended since the page was opened. */
export const endedTurns: ReadonlySignal<number> = endedValue

const single = new Map<string, Signal<AgentStatus | undefined>>()
const agentEvents = new AgentEvents()

/** Returns the status of one agent; `undefined` for an unknown one. The signal changes only when this agent does. */
export function agentOf(id: string): ReadonlySignal<AgentStatus | undefined> {
  const known = single.get(id) ?? signal(model.agents.get(id))
  single.set(id, known)
  return known
}

/**
 * Returns the events of one agent, at most 500, the oldest first: those that the gateway still keeps, which are read at
 * the first call, then live ones; each once.
 */
export const eventsOf = (id: string): ReadonlySignal<readonly FleetEvent[]> => agentEvents.of(id)

let link: FeedLink | undefined
let waiting: StreamItem[] = []
const frame = new FrameTask(applyWaiting)
let heardAt = 0

/** Returns the time at which the gateway was last heard of, on the clock of the browser; 0 before the first time. */
export const lastHeard = (): number => heardAt

/** Connects the page with the stream of its browser. */
export function startLive(): void {
  startClock()
  link = linkFeed(receive)
  link.send('join')
  // A page that the browser keeps for the button Back must not hold the stream.
  addEventListener('pagehide', () => link?.send('leave'))
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) link?.send('join')
  })
  addEventListener('online', () => {
    if (connectionValue.value.state === 'waiting') retryNow()
  })
  onUnauthorized(() => void (connectionValue.value = unauthorized()))
}

/** Connects again now: after a login, or when a person asks for it. */
export function retryNow(): void {
  link?.send('retry')
}

const unauthorized = (): Connection => ({ state: 'unauthorized', since: Date.now(), attempt: 0 })

function receive(message: FeedMessage): void {
  if (message.type === 'connection') {
    const { clockOffset } = message.connection
    if (clockOffset !== undefined) setClockOffset(clockOffset)
    connectionValue.value = message.connection
    return
  }
  heardAt = Date.now()
  waiting.push(...message.items)
  frame.ask()
}

/** Applies the items that came since the last frame, so that a thousand of them cost one update of the page. */
function applyWaiting(): void {
  const items = waiting
  waiting = []
  for (const item of items) model.apply(item)
  const events = items.filter(isEvent)
  batch(() => {
    publish()
    endedValue.value += events.filter(({ type }) => type === 'turn.ended').length
    agentEvents.add(events)
    if (items.some(({ type }) => type === 'snapshot')) agentEvents.reload()
  })
}

const isEvent = (item: StreamItem): item is FleetEvent => 'seq' in item

/** Sets the signals of what has changed. */
function publish(): void {
  const changes = model.takeChanges()
  if (changes.ids) idsValue.value = [...model.agents.keys()].sort()
  if (changes.agents.size > 0) {
    agentsValue.value = idsValue.value.flatMap((id) => model.agents.get(id) ?? [])
    for (const id of changes.agents) {
      const own = single.get(id)
      if (own) own.value = model.agents.get(id)
    }
  }
  if (changes.totals) totalsValue.value = model.totals
  if (!changes.requests) return
  requestsValue.value = [...model.requests.values()].sort((a, b) => a.at - b.at)
  closedValue.value = new Map(model.closed)
}
