import { expect, onTestFinished } from 'vitest'
import type { FleetEvent } from '../../src/api/fleet/types.ts'
import type { Turn } from '../../src/api/turn.ts'
import type { TurnInput } from '../../src/api/turn-input.ts'
import { isTerminal, type Reply } from '../../src/replies.ts'
import {
  simulatedFleet,
  type SimulatedFleetOptions,
} from '../../src/testing/simulated-fleet/simulated-fleet.ts'

/** Turn with its replies so far. */
export type CollectingTurn = Turn & { replies: Reply[] }

/**
 * Starts a real fleet machine over simulated servers, on a simulated clock. When the test finishes, asserts that each
 * turn has ended once, and that the closed fleet leaves nothing.
 */
export function startFleet(options: SimulatedFleetOptions & { ids?: readonly string[] } = {}) {
  const { ids = [], ...given } = options
  const simulated = simulatedFleet({ agents: ids.map((id) => ({ id })), ...given })
  const { fleet, time, server, processes } = simulated
  const events: FleetEvent[] = []
  const turns: CollectingTurn[] = []
  fleet.events$.subscribe((event) => events.push(event))
  const collect = (turn: Turn): CollectingTurn => {
    const replies: Reply[] = []
    const collecting = Object.assign(turn, { replies })
    turns.push(collecting)
    turn.replies$.subscribe((reply) => replies.push(reply))
    return collecting
  }
  onTestFinished(async () => {
    const closing = fleet.close()
    for (const agent of fleet.actor.getSnapshot().context.agents) server(agent.id).behaviour.endMs = 0
    await time.advance(60_000)
    await closing
    expect(processes.now, 'processes left').toBe(0)
    expect(time.pending, 'timers left').toBe(0)
    for (const { replies } of turns)
      expect(replies.map(isTerminal)).toEqual(replies.map((_, i) => i === replies.length - 1))
    expect(turns.filter(({ replies }) => replies.length === 0)).toEqual([])
  })
  return {
    ...simulated,
    events,
    /** All turns. */
    turns,
    collect,
    /** Starts a turn of an agent, and collects its replies. */
    turn: (id: string, input: string | TurnInput = 'hello') => collect(fleet.turn(id, input)),
    advance: (ms?: number) => time.advance(ms),
    context: () => fleet.actor.getSnapshot().context,
    /** Returns the stage of an agent, as the fleet sees the agent. */
    stage: (id: string) => fleet.actor.getSnapshot().context.agents.get(id)?.stage,
    /** Names of the actors of servers. */
    actors: () => Object.keys(fleet.actor.getSnapshot().children).filter((id) => id.startsWith('server:')),
    /** Stages of all agents, by id. */
    stages: () =>
      Object.fromEntries(
        [...fleet.actor.getSnapshot().context.agents].map(({ id, stage }) => [id, stage] as const),
      ),
    /** Types of the events of an agent, in order, without its lifecycle. */
    told: (id: string) =>
      events
        .filter(({ agentId, type }) => agentId === id && type !== 'agent.lifecycle')
        .map((event) => (event.type === 'agent.evicted' ? `${event.type} ${event.reason}` : event.type)),
    /** States of an agent's lifecycle, in order. */
    states: (id: string) =>
      events.flatMap((event) =>
        event.type === 'agent.lifecycle' && event.agentId === id ? [event.lifecycle.state] : [],
      ),
    /** Reasons of an agent's lifecycle, in order. */
    reasons: (id: string) =>
      events.flatMap((event) =>
        event.type === 'agent.lifecycle' && event.agentId === id ? [event.lifecycle.reason] : [],
      ),
  }
}

/** Returns the end of a turn: `final`, the code of its error, or `open`. */
export function endOf({ replies }: CollectingTurn): string {
  const last = replies.at(-1)
  if (!last || !isTerminal(last)) return 'open'
  return last.kind === 'error' ? last.code : last.kind
}

/** Outcome of a call, which changes when the call settles. */
export function outcomeOf(call: Promise<unknown>) {
  const outcome: { state: 'pending' | 'done' | 'rejected'; value?: unknown } = { state: 'pending' }
  call.then(
    (value) => Object.assign(outcome, { state: 'done', value }),
    (value: unknown) => Object.assign(outcome, { state: 'rejected', value }),
  )
  return outcome
}

/** Script of turns that run until the test answers. */
export const held = () => ({ afterMs: Infinity })
