import type { NatsConnection } from '@nats-io/transport-node'
import { auditTime, startWith, type Subscription } from 'rxjs'
import { callerPartsOf } from '../../cluster/client/caller.ts'
import type { Cluster } from '../../cluster/client/cluster.ts'
import type { Logger } from '../../config/server-options.ts'

/** Logs when a connection with NATS is lost, when it is back, and what NATS refuses. */
export async function logConnection(connection: NatsConnection, logger: Logger): Promise<void> {
  let isUp = true
  for await (const status of connection.status()) {
    if (status.type === 'disconnect' && isUp) {
      logger.warn({ server: status.server }, 'cluster: NATS cannot be reached, and is tried again and again')
      isUp = false
    } else if (status.type === 'reconnect') {
      logger.info({ server: status.server }, 'cluster: NATS is reached again')
      isUp = true
    } else if (status.type === 'error')
      logger.error({ error: status.error.message }, 'cluster: NATS refuses what this host wants')
  }
}

/** Shortest time between two looks at the hosts, in ms. */
const lookMs = 200

/** Logs which hosts come and go. */
export function logHosts(cluster: Cluster, logger: Logger): Subscription | undefined {
  let before = new Map<string, string>()
  const look = (): void => {
    const now = new Map<string, string>(cluster.status.hosts.map(({ id, state }) => [id, state]))
    for (const hostId of before.keys())
      if (!now.has(hostId)) logger.info({ hostId }, 'cluster: a host is gone')
    for (const [hostId, state] of now)
      if (before.get(hostId) !== state) logger.info({ hostId }, `cluster: a host is ${state}`)
    before = now
  }
  const changes$ = callerPartsOf(cluster)?.watch.changed$
  return changes$?.pipe(auditTime(lookMs), startWith(undefined)).subscribe(look)
}
