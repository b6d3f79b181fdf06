import type { NatsConnection } from '@nats-io/transport-node'
import type { Subscription } from 'rxjs'
import type { Fleet } from '../../api/fleet/fleet.ts'
import type { Cluster } from '../../cluster/client/cluster.ts'
import type { ClusterHost } from '../../cluster/cluster-host.ts'
import { connectCluster } from '../../cluster/index.ts'
import { joinUntil } from '../../cluster/join-cluster.ts'
import type { JoinOptions } from '../../cluster/options.ts'
import { orInstall } from '../../cluster/store/open-store.ts'
import type { Logger } from '../../config/server-options.ts'
import type { ClusterConfig } from '../../gateway/config/cluster-config.ts'
import { logConnection, logHosts } from './cluster-log.ts'
import { AbortableConnections } from './abortable-connections.ts'

/** Membership of a daemon in a cluster: the fleet is a host, and the gateway a caller. */
export class ClusterMember {
  readonly host: ClusterHost
  readonly cluster: Cluster
  readonly #log: Subscription | undefined

  private constructor(host: ClusterHost, cluster: Cluster, logger: Logger) {
    this.host = host
    this.cluster = cluster
    this.#log = logHosts(cluster, logger)
  }

  /**
   * Joins a cluster.
   *
   * @param terms - Signal that ends the attempt and closes its connections, and log of the hosts that come and go, and of
   * the connection with NATS.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if a package of NATS is not installed
   * @throws ClusterStoreError if NATS refuses, or does not answer
   */
  static async join(
    fleet: Fleet,
    config: ClusterConfig,
    { signal, logger }: { signal: AbortSignal; logger: Logger },
  ): Promise<ClusterMember> {
    const { name, hostId, leaseMs, replicas, homes, contextKey } = config
    const connector = await connectorOf(config)
    const joining = new AbortableConnections(connector, signal)
    const terms: JoinOptions = {
      ...{ fleet, name, connect: joining.connect },
      ...(hostId !== undefined && { hostId }),
      ...(leaseMs !== undefined && { leaseMs }),
      ...(replicas !== undefined && { replicas }),
      ...(homes !== undefined && { homes }),
      ...(contextKey !== undefined && { contextKey }),
    }
    const host = await joinUntil(terms, signal)
    // A member leaves by its own connections.
    joining.keep()
    try {
      const calling = new AbortableConnections(logged(connector, logger), signal)
      const cluster = await connectCluster({ name, connect: calling.connect })
      calling.keep()
      return new ClusterMember(host, cluster, logger)
    } catch (error) {
      await host.close()
      throw error
    }
  }

  /** Leaves the cluster: running turns have a time in ms to finish, and waiting ones run on other hosts. */
  drain(drainMs: number): Promise<void> {
    return this.host.drain({ drainMs })
  }

  /** Closes the connection of the gateway, when the host has left. */
  async close(): Promise<void> {
    await this.host.close()
    this.#log?.unsubscribe()
    await this.cluster.close()
  }
}

/** Returns a function that connects to NATS as a config says. */
async function connectorOf(config: ClusterConfig): Promise<() => Promise<NatsConnection>> {
  const { servers, user, password, token, creds, nkeySeed, tls } = config
  const nats = await orInstall(() => import('@nats-io/transport-node'))
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
  const authenticator =
    creds === undefined
      ? nkeySeed !== undefined && nats.nkeyAuthenticator(bytes(nkeySeed.trim()))
      : // The client wants a line break at the end, which `{ file: … }` drops.
        nats.credsAuthenticator(bytes(`${creds}\n`))
  return () =>
    nats.connect({
      servers,
      // A host outlives every outage of NATS, also one that refuses its key for a while.
      maxReconnectAttempts: -1,
      ignoreAuthErrorAbort: true,
      ...(user !== undefined && { user }),
      ...(password !== undefined && { pass: password }),
      ...(token !== undefined && { token }),
      ...(authenticator && { authenticator }),
      ...(tls && { tls }),
    })
}

/** Returns a function that connects, and logs what happens to the first connection: the others go the same way. */
function logged(connect: () => Promise<NatsConnection>, logger: Logger): () => Promise<NatsConnection> {
  let isFirst = true
  return async () => {
    const isLogged = isFirst
    isFirst = false
    const connection = await connect()
    if (isLogged) void logConnection(connection, logger)
    return connection
  }
}
