import type { Fleet } from '../../api/fleet/fleet.ts'
import { callerPartsOf } from '../../cluster/client/caller.ts'
import type { GatewayCluster, GatewayContext } from '../context.ts'
import { FleetTurns } from '../turns/fleet-turns.ts'
import type { TurnLog } from '../turns/turn-log.ts'
import { ClusterTurnLog } from './cluster-turn-log.ts'
import { ClusterTurns } from './cluster-turns.ts'
import { FollowedTurns } from './followed-turns.ts'
import { TurnNotes } from './turn-notes.ts'

/**
 * Returns what runs the turns of a gateway, and their log: the fleet with the store of the gateway, or the cluster with its
 * own log.
 */
export function turnsOf(
  fleet: Fleet,
  cluster: GatewayCluster | undefined,
  local: TurnLog,
  closed: AbortSignal,
): Pick<GatewayContext, 'turns' | 'log'> {
  const parts = cluster && callerPartsOf(cluster.handle)
  if (!parts) return { turns: new FleetTurns(fleet), log: local }
  const { store } = parts
  const followed = new FollowedTurns(parts)
  const turns = new ClusterTurns(parts, fleet, followed, closed)
  const notes = new TurnNotes(store)
  return { turns, log: new ClusterTurnLog({ local, followed, notes, records: store.records }) }
}
