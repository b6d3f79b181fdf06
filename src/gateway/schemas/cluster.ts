import { z } from 'zod'
import { lazily } from '../../config/validation.ts'
import { named } from './named.ts'

const count = lazily(() => z.int().min(0))

/** Host of a cluster. */
const hostSchema = named('ClusterHost', () =>
  z.strictObject({
    id: z.string(),
    state: z.enum(['up', 'doubtful', 'draining']),
    max: count().describe('Most agents that the host owns at the same time'),
    used: count().describe('Agents that the host owns, of those that the token may see'),
  }),
)

/** Agent with its owner. */
const placeSchema = named('ClusterPlace', () =>
  z.strictObject({
    agent_id: z.string(),
    tenant: z.string(),
    host_id: z.string().nullable().describe('Owner of the agent; null for none'),
    epoch: count().describe('Grows with each owner'),
  }),
)

/** Hosts of a cluster, and where each agent lives. */
export const clusterSchema = named('Cluster', () =>
  z.strictObject({
    at: z.number().describe('Epoch ms'),
    host_id: z.string().nullable().describe('Host of this gateway; null if it is none'),
    hosts: z.array(hostSchema()).describe('Empty without a cluster'),
    places: z.array(placeSchema()),
  }),
)
