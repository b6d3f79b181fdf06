import type { LifecycleState } from '../machines/lifecycle.ts'

/** Events that can happen to an agent of a fleet, or (`cools down`) to all its agents. */
export type FleetHappening =
  'turn' | 'cancel' | 'answers' | 'becomes healthy' | 'crashes' | 'ends' | 'stop' | 'change'

/** State of an agent's server in the model. */
export type ModelledStage = 'cold' | 'asking' | 'starting' | 'healthy' | 'draining' | 'ending' | 'cooling'

/** Agent in the model. */
export interface ModelledAgent {
  readonly stage: ModelledStage
  /** The agent's open turn; an agent has one at most. */
  readonly turn: 'none' | 'waiting' | 'running'
  /**
   * What the options of the agent are to its actor: never healthy (`new`), healthy before (`proven`), or changed since, so
   * that a failed start returns to the former options at once.
   */
  readonly options: 'new' | 'proven' | 'changed'
}

/** State of a modelled fleet. */
export interface ModelledFleet {
  readonly places: number
  readonly starts: number
  readonly agents: Readonly<Record<string, ModelledAgent>>
  /** Agents whose turn waits, in the order of their turns. */
  readonly waiting: readonly string[]
  /** Agents that had a turn admitted, in the order of the last one. */
  readonly admitted: readonly string[]
  /** Agents with a healthy server, the least recently used first. */
  readonly used: readonly string[]
  /** Agents that cool down, in the order of their crashes. */
  readonly cooling: readonly string[]
}

/** Lifecycle states of the modelled stages. */
export const lifecycleOfStage: Readonly<Record<ModelledStage, LifecycleState>> = {
  cold: 'idle',
  asking: 'configuring',
  starting: 'probing',
  healthy: 'healthy',
  draining: 'healthy',
  ending: 'reaping',
  cooling: 'reaping',
}

const without = (list: readonly string[], id: string): string[] => list.filter((other) => other !== id)
const toEnd = (list: readonly string[], id: string): string[] => [...without(list, id), id]

/** Returns the fleet with an agent changed, and with its lists in line. */
function withAgent(fleet: ModelledFleet, id: string, agent: ModelledAgent): ModelledFleet {
  const isWaiting = agent.turn === 'waiting'
  const isCooling = agent.stage === 'cooling'
  return {
    ...fleet,
    agents: { ...fleet.agents, [id]: agent },
    waiting: isWaiting ? toEnd(fleet.waiting, id) : without(fleet.waiting, id),
    used: agent.stage === 'healthy' ? toEnd(fleet.used, id) : without(fleet.used, id),
    cooling: isCooling ? toEnd(fleet.cooling, id) : without(fleet.cooling, id),
  }
}

const cold: ModelledAgent = { stage: 'cold', turn: 'none', options: 'new' }

/** Returns an agent whose process has ended: with a turn, the agent asks for a start. */
const resting = (agent: ModelledAgent): ModelledAgent =>
  agent.turn === 'waiting' ? { ...agent, stage: 'asking' } : cold

/** Consequences of a happening for its agent; `undefined` if it cannot happen now. */
const consequences: Record<FleetHappening, (agent: ModelledAgent) => ModelledAgent | undefined> = {
  turn: (agent) => {
    const { stage, turn } = agent
    if (turn !== 'none') return undefined
    if (stage === 'healthy') return { ...agent, turn: 'running' }
    return { ...agent, stage: stage === 'cold' ? 'asking' : stage, turn: 'waiting' }
  },
  cancel: (agent) => (agent.turn === 'none' ? undefined : withoutTurn(agent)),
  answers: (agent) => (agent.turn === 'running' ? withoutTurn(agent) : undefined),
  'becomes healthy': ({ stage }) =>
    stage === 'starting' ? { stage: 'healthy', turn: 'running', options: 'proven' } : undefined,
  crashes: (agent) => {
    const { stage, options } = agent
    if (stage === 'starting')
      return options === 'changed'
        ? { ...agent, stage: 'asking', options: 'proven' }
        : { ...agent, stage: 'cooling' }
    return stage === 'healthy' || stage === 'draining' ? cold : undefined
  },
  ends: (agent) => (agent.stage === 'ending' ? resting(agent) : undefined),
  stop: (agent) => {
    if (agent.stage === 'cold') return undefined
    if (agent.stage === 'asking' || agent.stage === 'cooling') return cold
    return { ...agent, stage: 'ending', turn: 'none' }
  },
  change: (agent) => {
    const { stage, turn, options } = agent
    const changed: ModelledAgent = { ...agent, options: options === 'new' ? 'new' : 'changed' }
    if (stage === 'healthy' && turn === 'running') return { ...changed, stage: 'draining' }
    if (stage === 'healthy' || stage === 'starting') return { ...changed, stage: 'ending' }
    // The new options may repair the failure, so the start is not delayed.
    if (stage === 'cooling') return { ...changed, stage: 'asking' }
    return stage === 'asking' ? changed : undefined
  },
}

/** Returns an agent whose turn has ended, or that does not need its start any more. */
function withoutTurn(agent: ModelledAgent): ModelledAgent {
  const { stage } = agent
  if (stage === 'asking' || stage === 'cooling') return cold
  return { ...agent, stage: stage === 'starting' || stage === 'draining' ? 'ending' : stage, turn: 'none' }
}

/**
 * Returns the fleet after a happening of an agent; `undefined` if it cannot happen now.
 *
 * @internal
 */
export function afterHappening(
  fleet: ModelledFleet,
  happening: FleetHappening,
  id: string,
): ModelledFleet | undefined {
  const before = fleet.agents[id]
  const agent = before && consequences[happening](before)
  if (!agent) return undefined
  const keepsTurn = agent.turn === 'waiting' && before.turn === 'waiting'
  const changed = withAgent(fleet, id, agent)
  const kept = keepsTurn ? { ...changed, waiting: fleet.waiting } : changed
  return settled(agent.turn === 'running' && before.turn !== 'running' ? admitted(kept, id) : kept)
}

const admitted = (fleet: ModelledFleet, id: string): ModelledFleet => ({
  ...fleet,
  admitted: toEnd(fleet.admitted, id),
})

/**
 * Returns the fleet after the delay of all restarts; `undefined` if no agent cools down.
 *
 * @internal
 */
export function afterCooling(fleet: ModelledFleet): ModelledFleet | undefined {
  if (fleet.cooling.length === 0) return undefined
  let next = fleet
  for (const id of fleet.cooling) {
    const asking = withAgent(next, id, {
      options: 'new',
      turn: 'waiting',
      ...next.agents[id],
      stage: 'asking',
    })
    next = settled({ ...asking, waiting: fleet.waiting })
  }
  return next
}

const hasPlace = ({ stage }: ModelledAgent): boolean =>
  stage === 'starting' || stage === 'healthy' || stage === 'draining' || stage === 'ending'

const count = ({ agents }: ModelledFleet, is: (agent: ModelledAgent) => boolean): number =>
  Object.values(agents).filter(is).length

/** Permits starts and evicts idle servers, as far as the waiting agents need them. */
function settled(fleet: ModelledFleet): ModelledFleet {
  const [first] = askingOf(fleet)
  if (first === undefined) return fleet
  const placed = count(fleet, hasPlace)
  const isStarting = ({ stage }: ModelledAgent): boolean => stage === 'starting'
  if (placed < fleet.places && count(fleet, isStarting) < fleet.starts)
    return settled(changed(fleet, first, 'starting'))
  return placed < fleet.places ? fleet : evicting(fleet)
}

/** Returns the fleet with an idle server less for each waiting agent that no ending server makes room for. */
function evicting(fleet: ModelledFleet): ModelledFleet {
  const needed =
    Math.min(fleet.places, askingOf(fleet).length) - count(fleet, ({ stage }) => stage === 'ending')
  const idle = fleet.used.filter((id) => fleet.agents[id]?.turn === 'none')
  return idle.slice(0, Math.max(0, needed)).reduce((next, id) => changed(next, id, 'ending'), fleet)
}

const changed = (fleet: ModelledFleet, id: string, stage: ModelledStage): ModelledFleet => ({
  ...withAgent(fleet, id, { ...cold, ...fleet.agents[id], stage }),
  waiting: fleet.waiting,
})

/** Returns the agents that wait for a start: the one whose last turn is longest ago first, then first come. */
function askingOf({ agents, waiting, admitted: order }: ModelledFleet): string[] {
  return waiting
    .filter((id) => agents[id]?.stage === 'asking')
    .sort((a, b) => order.indexOf(a) - order.indexOf(b))
}
