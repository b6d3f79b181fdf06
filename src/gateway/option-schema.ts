import { z } from 'zod'
import { Fleet } from '../api/fleet/fleet.ts'
import { dataDirOf } from '../api/fleet/internals.ts'
import { InvalidOptionsError } from '../errors.ts'
import { loggerSchema } from '../config/option-schema.ts'
import { absolute, count, flag, text } from '../config/schema-parts.ts'
import { lazily, parse } from '../config/validation.ts'
import { scopes } from './access/caller.ts'
import type { GatewayOptions, ResolvedGatewayOptions } from './options.ts'

const anyObject = 'expected an object'

const tokenRecord = lazily(() =>
  z.strictObject(
    {
      id: text(),
      hash: z
        .string()
        .regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256: and the hash of the token in 64 hex digits'),
      scopes: z.array(
        z.enum(scopes, "expected 'read', 'turn', 'approve' or 'admin'"),
        'expected a list of scopes',
      ),
      agents: z.array(text(), 'expected a list of ids of agents').exactOptional(),
      tenant: text().exactOptional(),
      expires_at: z.iso
        .datetime({ offset: true, error: 'expected a time such as 2027-01-31T00:00:00Z' })
        .exactOptional(),
    },
    anyObject,
  ),
)

const listOf = (what: string) => z.array(text(`expected ${what}`), `expected a list: ${what}`)

const gatewaySchema = lazily(() =>
  z.strictObject(
    {
      dataDir: absolute().optional(),
      tokens: z.array(tokenRecord(), 'expected a list of tokens').default([]),
      insecureNoAuth: flag().default(false),
      allowedHosts: listOf('a name of a host').default([]),
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
  const { fleet, ...rest } = Object(options) as Partial<GatewayOptions>
  if (!(fleet instanceof Fleet)) throw new InvalidOptionsError('Option `fleet` is required: expected a Fleet')
  const { dataDir, logger, ...given } = parse(gatewaySchema, rest, 'option')
  return Object.freeze({ ...given, dataDir: dataDir ?? dataDirOf(fleet), logger })
}
