import { text } from '../../config/schema-parts.ts'
import { lazily } from '../../config/validation.ts'
import { isUnscoped } from '../access/caller.ts'
import { forbidden } from '../access/problems.ts'
import type { GatewayContext } from '../context.ts'
import { json } from '../http/answers.ts'
import { notFound } from '../http/problems.ts'
import { route } from '../http/route.ts'
import type { GatewayPart } from '../part.ts'
import { clusterSchema } from '../schemas/cluster.ts'
import { drainMsParameter } from '../schemas/common.ts'
import { visibleCluster } from '../visible-cluster.ts'

const tag = 'Cluster'

/** Routes of the cluster of which the gateway's host is a member. */
export const clusterPart = (): GatewayPart => ({ routes: [getCluster, drainHost] })

const getCluster = route({
  id: 'getCluster',
  method: 'get',
  path: '/v1/cluster',
  tag,
  summary:
    'Reads the hosts of the cluster, and where each agent lives; a gateway without a cluster has no hosts',
  scopes: ['read'],
  answers: { 200: { description: 'The cluster, as this gateway sees it', schema: clusterSchema } },
  handle: ({ context, caller }) => json(200, visibleCluster(context, caller)),
})

/** Id of a host in a path. Any text is taken, because an unknown host is 404. */
const hostId = lazily(() => text('expected the id of a host').describe('Id of a host'))

const drainHost = route({
  id: 'drainHost',
  method: 'post',
  path: '/v1/cluster/hosts/{id}/drain',
  tag,
  summary:
    'Asks a host to leave the cluster: running turns finish, and its agents move to other hosts; needs a token for all agents',
  scopes: ['admin'],
  params: { id: hostId() },
  query: { drain_ms: drainMsParameter() },
  answers: { 202: { description: 'The cluster; the host is `draining` soon', schema: clusterSchema } },
  problems: [507],
  async handle({ context, caller, params: { id }, query }) {
    if (!isUnscoped(caller))
      throw forbidden('A host has agents of all tenants: use a token of scope admin for all agents')
    await drain(context, id, query.drain_ms)
    return json(202, visibleCluster(context, caller))
  },
})

async function drain({ cluster }: GatewayContext, id: string, drainMs: number): Promise<void> {
  const hosts = cluster?.handle.status.hosts.map((host) => host.id) ?? []
  if (!cluster || !hosts.includes(id))
    throw notFound(
      'ERR_OPENCODE_UNKNOWN_HOST',
      cluster
        ? `The cluster has no host ${JSON.stringify(id)}: its hosts are ${hosts.join(', ')}`
        : 'The gateway belongs to no cluster: give `cluster` in the config of serve',
    )
  await cluster.handle.drainHost(id, { drainMs })
}
