import { z } from 'zod'
import { Fleet } from '../api/fleet/fleet.ts'
import { callerPartsOf } from '../cluster/client/caller.ts'
import type { Cluster } from '../cluster/client/cluster.ts'
import type { ClusterHost } from '../cluster/cluster-host.ts'
import { dataDirOf } from '../api/fleet/internals.ts'
import { InvalidOptionsError } from '../errors.ts'
import { loggerSchema } from '../config/option-schema.ts'
import { absolute, count, flag, text } from '../config/schema-parts.ts'
import { lazily, parse } from '../config/validation.ts'
import { tokenRecordsSchema } from './access/token-record.ts'
import type { GatewayOptions, ResolvedGatewayOptions } from './options.ts'

const anyObject = 'expected an object'

const listOf = (what: string) => z.array(text(`expected ${what}`), `expected a list: ${what}`)

const gatewaySchema = lazily(() =>
  z.strictObject(
    {
      dataDir: absolute().optional(),
      tokens: tokenRecordsSchema().default([]),
      insecureNoAuth: flag().default(false),
      allowedHosts: listOf('a name of a host').default([]),
      listenHost: text().optional(),
      trustProxy: flag().default(false),
      allowedOrigins: listOf('an origin such as https://example.com').default([]),
      retentionDays: count('days', 1, 36_500).default(30),
      maxStoreMb: count('MiB', 1).default(1024),
      maxBodyBytes: count('bytes', 1).default(32 * 1024 * 1024),
      logger: loggerSchema().optional(),
    },
    anyObject,
  ),
)

/**
 * Validates the options of a gateway and fills in the defaults.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the option
 */
export function resolveGatewayOptions(options: GatewayOptions): ResolvedGatewayOptions {
  const { fleet, cluster, host, ...rest } = Object(options) as Partial<GatewayOptions>
  if (!(fleet instanceof Fleet)) throw new InvalidOptionsError('Option `fleet` is required: expected a Fleet')
  checkCluster(cluster, host)
  const { dataDir, logger, listenHost, ...given } = parse(gatewaySchema, rest, 'option')
  return Object.freeze({ ...given, dataDir: dataDir ?? dataDirOf(fleet), logger, listenHost })
}

/** Checks the options of a gateway in a cluster. */
function checkCluster(cluster: unknown, host: unknown): void {
  if (cluster !== undefined && !(cluster instanceof Object && callerPartsOf(cluster as Cluster)))
    throw new InvalidOptionsError(
      'Invalid option cluster: expected the connection that connectCluster returns, without a tenant',
    )
  if (host === undefined) return
  if (cluster === undefined)
    throw new InvalidOptionsError('Option `cluster` is required with `host`: connect to the cluster first')
  if (typeof (Object(host) as Partial<ClusterHost>).id !== 'string')
    throw new InvalidOptionsError('Invalid option host: expected the host that joinCluster returns')
}
