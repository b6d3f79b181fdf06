import { z } from 'zod'
import { agentSchema, fleetSchema } from '../../config/fleet-schema.ts'
import { count, text, wholeNumber } from '../../config/schema-parts.ts'
import { lazily } from '../../config/validation.ts'
import { parsed } from '../access/host-policy.ts'
import { clusterConfig } from './cluster-config.ts'
import { expectedListen, parseListen } from './listen.ts'
import { wireSchema } from '../schemas/wire-names.ts'

const anyObject = 'expected an object'

/** Modes that the socket may have: for one user, or also for its group. */
export const socketModes = ['0600', '0660'] as const

const listen = lazily(() =>
  z.string(expectedListen).refine((address) => parseListen(address) !== undefined, expectedListen),
)

const hosts = lazily(() => {
  const error = 'expected a host such as agents.example.com or agents.example.com:8443'
  return z.array(
    text(error).refine((host) => parsed(host) !== undefined, error),
    'expected a list of hosts',
  )
})

const origins = lazily(() => {
  const error = 'expected an origin such as https://agents.example.com'
  const isOrigin = (given: string): boolean => URL.canParse(given) && new URL(given).origin === given
  return z.array(text(error).refine(isOrigin, error), 'expected a list of origins')
})

/** Settings of the gateway. */
const gateway = lazily(() =>
  z.strictObject(
    {
      retentionDays: wholeNumber('a whole number of days', 1, 36_500).optional(),
      maxStoreMb: count('MiB', 1).optional(),
      allowedHosts: hosts().optional(),
      allowedOrigins: origins().optional(),
      trustProxy: z.boolean('expected true or false').optional(),
      maxBodyBytes: count('bytes', 1024, 1_073_741_824).optional(),
    },
    anyObject,
  ),
)

/** Content of a config file, with the names of the options of a fleet. */
export const serveSchema = lazily(() => {
  const {
    dataDir: _dataDir,
    defaults: _defaults,
    resolve: _resolve,
    logger: _logger,
    ...fleet
  } = fleetSchema().shape
  const { id: _id, tenant: _tenant, labels: _labels, ...defaults } = agentSchema().shape
  const error = 'expected an object with agents'
  return z.strictObject(
    {
      listen: listen().optional(),
      socketMode: z
        .enum(socketModes, `expected ${socketModes.map((mode) => `'${mode}'`).join(' or ')}`)
        .optional(),
      dataDir: text('expected a path').optional(),
      defaults: z.strictObject(defaults, anyObject).optional(),
      ...fleet,
      agents: z.array(agentSchema(), 'expected a list of agents').optional(),
      gateway: gateway().optional(),
      cluster: clusterConfig().optional(),
    },
    error,
  )
})

/** Content of a config file, with the names that the file has. */
export const fileSchema = lazily(() => wireSchema(serveSchema()))
