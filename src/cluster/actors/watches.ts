import { fromCallback, type EventObject } from 'xstate'
import { clockOf, elapse } from '../../actors/clock.ts'
import type { AgentKey, EntryChange, MailNews } from '../store/cluster-store.ts'
import { agentOf, keyOf } from '../store/cluster-store.ts'
import type { HostRecord, PlaceRecord } from '../store/records.ts'
import { hostRuntimeOf, type HostHandle } from './host-runtime.ts'
import { keepOn } from './keep-on.ts'
import { overdueAgents } from './overdue.ts'

/** Input of the watches of a host. */
export interface WatchInput {
  readonly runtime: HostHandle
}

/** Events of the watches. `undefined` stands for a deleted value. */
export type WatchFact =
  | { type: 'host.changed'; change: EntryChange<HostRecord> }
  | { type: 'place.changed'; change: EntryChange<PlaceRecord> }
  | { type: 'mail.added'; news: MailNews }
  | { type: 'mail.pending'; keys: readonly string[]; isAll: boolean }
  | { type: 'connection.up' | 'connection.down' }

/** Watches the leases, the owners, the connection, and the inboxes of the agents that the host can run. */
export const watches = fromCallback<EventObject, WatchInput>(({ input, sendBack, system }) => {
  const { store, runner } = hostRuntimeOf(input.runtime)
  const stopped = new AbortController()
  const { signal } = stopped
  const report = (fact: WatchFact): void => {
    if (!signal.aborted) sendBack(fact)
  }
  const keep = (watch: () => Promise<void>): void => void keepOn(clockOf(system), signal, watch)
  keep(() => store.hosts.watch((change) => report({ type: 'host.changed', change }), signal))
  keep(() => store.places.watch((change) => report({ type: 'place.changed', change }), signal))
  store.inbox.watch((news) => {
    if (runner.knows(news.agent)) report({ type: 'mail.added', news })
  }, signal)
  // Turns may have come before the agent was known here.
  const look = async (agent: AgentKey): Promise<void> => {
    if (await store.inbox.next(agent, 0)) report({ type: 'mail.pending', keys: [keyOf(agent)], isAll: false })
  }
  const added = runner.added$.subscribe((agent) => keep(() => look(agent)))
  store.onConnection((state) => report({ type: `connection.${state}` }), signal)
  return () => {
    stopped.abort()
    added.unsubscribe()
  }
})

/** Input of the sweeper of a host. */
export interface SweeperInput extends WatchInput {
  readonly leaseMs: number
}

/** Agent whose turns may be over, with the place of this host among those that look for that. */
export interface RankedAgent {
  readonly key: string
  /** 0 for the host that comes first. */
  readonly position: number
}

/** Asks for a look at all inboxes, at the inbox of one agent, or for the turns whose time is over. */
export type SweeperCommand =
  | { type: 'sweep' }
  | { type: 'sweep.agent'; key: string }
  | { type: 'sweep.overdue'; agents: readonly RankedAgent[] }

/**
 * Agents with messages in their inboxes that the host can run, after a look at all inboxes or at one; an agent with turns
 * whose time is over; and the passing of a twentieth of a lease.
 */
export type SweeperFact =
  | { type: 'mail.pending'; keys: readonly string[]; isAll: boolean }
  | { type: 'mail.overdue'; key: string }
  | { type: 'roster.tick' }

/** Looks for turns of agents without an owner: when asked, and each lease, for what was missed. */
export const sweeper = fromCallback<SweeperCommand, SweeperInput>(({ input, sendBack, receive, system }) => {
  const { leaseMs } = input
  const { store, runner, now } = hostRuntimeOf(input.runtime)
  const clock = clockOf(system)
  const stopped = new AbortController()
  const { signal } = stopped
  const report = (fact: SweeperFact): void => {
    if (!signal.aborted) sendBack(fact)
  }
  let [isBusy, isWanted] = [false, false]
  const sweep = async (): Promise<void> => {
    isWanted = true
    if (isBusy) return
    isBusy = true
    while (isWanted && !signal.aborted) {
      isWanted = false
      const pending = await store.inbox.agents().catch(() => [])
      const keys = pending.filter((agent) => runner.knows(agent)).map(keyOf)
      report({ type: 'mail.pending', keys, isAll: true })
    }
    isBusy = false
  }
  const repeat = async (ms: number, act: () => void): Promise<void> => {
    while (!signal.aborted) {
      await elapse(clock, ms, signal)
      act()
    }
  }
  void repeat(leaseMs, () => void sweep())
  void repeat(leaseMs / 20, () => report({ type: 'roster.tick' }))
  let [isLooking, looks] = [false, 0]
  const lookForOverdue = async (ranked: readonly RankedAgent[]): Promise<void> => {
    if (isLooking) return
    isLooking = true
    // The first host looks each time, a later one the more rarely, in case that those before it cannot.
    const look = ++looks
    const agents = ranked.filter(({ position }) => look % (position + 1) === 0).map(({ key }) => agentOf(key))
    if (agents.length > 0) {
      // The look of the next lease finds what this one has missed.
      const found = await overdueAgents(store.inbox, agents, now()).catch(() => [])
      for (const key of found) report({ type: 'mail.overdue', key })
    }
    isLooking = false
  }
  receive((command) => {
    if (command.type === 'sweep') {
      void sweep()
      return
    }
    if (command.type === 'sweep.overdue') {
      void lookForOverdue(command.agents)
      return
    }
    const agent = agentOf(command.key)
    if (!runner.knows(agent)) return
    const look = store.inbox.next(agent, 0).then((mail) => {
      if (mail) report({ type: 'mail.pending', keys: [command.key], isAll: false })
    })
    // The look of each lease finds what this one has missed.
    look.catch(() => undefined)
  })
  void sweep()
  return () => stopped.abort()
})
