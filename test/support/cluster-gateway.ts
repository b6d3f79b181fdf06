import { onTestFinished } from 'vitest'
import { Fleet } from '../../src/api/fleet/fleet.ts'
import { callerPartsOf } from '../../src/cluster/client/caller.ts'
import { ClusterTurnLog } from '../../src/gateway/cluster/cluster-turn-log.ts'
import { ClusterTurns } from '../../src/gateway/cluster/cluster-turns.ts'
import { FollowedTurns } from '../../src/gateway/cluster/followed-turns.ts'
import { TurnNotes } from '../../src/gateway/cluster/turn-notes.ts'
import type { CallerWorld } from './cluster-caller.ts'
import { tempHome } from './home.ts'
import { newTurn, openedLog } from './turn-log.ts'

/** Returns the log and the turns of a gateway of a cluster in memory, with a store and a fleet of its own. */
export async function clusterGateway(world: CallerWorld, file?: string) {
  const { cluster, store } = await world.connect()
  const parts = callerPartsOf(cluster)
  if (!parts) throw new Error('The caller has no parts')
  const { log: local, file: path } = await openedLog(file === undefined ? {} : { file })
  const fleet = new Fleet({ dataDir: tempHome() })
  const closing = new AbortController()
  const followed = new FollowedTurns(parts)
  const notes = new TurnNotes(parts.store)
  const turns = new ClusterTurns(parts, fleet, followed, closing.signal)
  const log = new ClusterTurnLog({ local, followed, notes, records: parts.store.records })
  await turns.open()
  onTestFinished(async () => {
    closing.abort()
    followed.close()
    await fleet.close()
  })
  return { log, local, turns, followed, store, file: path, cluster, fleet }
}

/** Returns a new turn of the agent `a1` of the tenant `acme`. */
export const clusterTurn = (turnId: string, fields: Parameters<typeof newTurn>[1] = {}) =>
  newTurn(turnId, { tenant: 'acme', ...fields })
