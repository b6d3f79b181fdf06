import type { Fleet } from '../api/fleet/fleet.ts'
import type { Cluster } from '../cluster/client/cluster.ts'
import type { ClusterHost } from '../cluster/cluster-host.ts'
import type { Logger } from '../config/server-options.ts'
import type { TokenRecord } from './access/caller.ts'

/** Options of a gateway that may change while the gateway runs. */
export interface GatewaySettings {
  /**
   * Time for which ended turns are kept, in days.
   *
   * @defaultValue `30`
   */
  retentionDays?: number
  /**
   * Maximum size of the store of turns, in MiB.
   *
   * @defaultValue `1024`
   */
  maxStoreMb?: number
  /**
   * Names of hosts, with or without a port, that a request may name. Loopback is always allowed.
   *
   * @defaultValue loopback only
   */
  allowedHosts?: readonly string[]
  /**
   * Origins of pages that may call the gateway from a browser.
   *
   * @defaultValue the gateway's own origin only
   */
  allowedOrigins?: readonly string[]
  /**
   * True if every request comes through a reverse proxy that adds the caller's address to `X-Forwarded-For`. The limit
   * of wrong tokens then counts for that address, not for the proxy's.
   *
   * @defaultValue `false`
   */
  trustProxy?: boolean
  /**
   * Maximum size of a request's body, in bytes.
   *
   * @defaultValue `33_554_432`
   */
  maxBodyBytes?: number
}

/** Options of {@link createGateway}. */
export interface GatewayOptions extends GatewaySettings {
  /** Fleet that the gateway serves. The gateway never closes it. */
  fleet: Fleet
  /**
   * Connection to the cluster whose agents the gateway serves, from `connectCluster`. The hosts of the cluster run the
   * turns, whichever gateway takes them. The gateway never closes it.
   *
   * @defaultValue the agents of the fleet alone
   */
  cluster?: Cluster
  /**
   * Host that the fleet is in the cluster, from `joinCluster`. The gateway lists the sessions of agents that the host owns.
   *
   * @defaultValue none
   */
  host?: ClusterHost
  /**
   * Absolute path of the folder in which the gateway keeps `.fleet/gateway.db` and `.fleet/tokens.json`.
   *
   * @defaultValue `dataDir` of the fleet
   */
  dataDir?: string
  /**
   * Tokens in addition to those of `tokens.json`.
   *
   * @defaultValue none
   */
  tokens?: readonly TokenRecord[]
  /**
   * True to serve every caller without a token. The caller may then do everything that the host's user may do.
   *
   * @defaultValue `false`
   */
  insecureNoAuth?: boolean
  /**
   * Host at which the server of the gateway listens; at a wildcard such as `0.0.0.0`, a request may name any IP address.
   *
   * @defaultValue loopback
   */
  listenHost?: string
  /**
   * Receiver of the gateway's log.
   *
   * @defaultValue no log
   */
  logger?: Logger
}

/** Options of a gateway with every default filled in. */
export type ResolvedGatewayOptions = Readonly<
  Required<Omit<GatewayOptions, 'fleet' | 'cluster' | 'host' | 'logger' | 'listenHost'>> & {
    logger: Logger | undefined
    listenHost: string | undefined
  }
>
