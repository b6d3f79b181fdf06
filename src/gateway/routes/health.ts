import { z } from 'zod'
import type { GatewayContext, GatewayPhase } from '../context.ts'
import { json } from '../http/answers.ts'
import { callerPartsOf } from '../../cluster/client/caller.ts'
import { clusterAway } from '../http/cluster-problems.ts'
import { asProblem } from '../http/problems.ts'
import { ProblemError } from '../http/problem.ts'
import { route } from '../http/route.ts'
import type { GatewayPart } from '../part.ts'
import { named } from '../schemas/named.ts'

const tag = 'Health'

/** Routes by which a load balancer or a supervisor asks for the state of the gateway. */
export const healthPart = (): GatewayPart => ({ routes: [healthz, readyz] })

const healthSchema = named('Health', () => z.strictObject({ status: z.literal('ok') }))

const healthz = route({
  id: 'healthz',
  method: 'get',
  path: '/healthz',
  tag,
  summary: 'Tells that the gateway answers',
  scopes: 'open',
  answers: { 200: { description: 'The gateway answers', schema: healthSchema } },
  handle: () => json(200, { status: 'ok' }),
})

const readySchema = named('Ready', () =>
  z.strictObject({ status: z.literal('ready'), store: z.enum(['ok', 'full']) }),
)

const readyz = route({
  id: 'readyz',
  method: 'get',
  path: '/readyz',
  tag,
  summary: 'Tells whether the gateway takes new turns',
  scopes: 'open',
  answers: {
    200: { description: 'The gateway takes new turns, unless the store is full', schema: readySchema },
  },
  handle({ context }) {
    const { state, log } = context
    if (state.phase !== 'ready') throw notReady(context)
    if (!isReachable(context)) throw clusterAway()
    return json(200, { status: 'ready', store: log.isFull ? 'full' : 'ok' })
  },
})

/** Returns whether the gateway can send turns to its cluster, and the cluster has a host that takes them. */
const isReachable = ({ cluster }: GatewayContext): boolean =>
  !cluster ||
  (callerPartsOf(cluster.handle)?.watch.isUp === true &&
    cluster.handle.status.hosts.some(({ state }) => state !== 'draining'))

/** Returns the problem of a gateway that takes no new turns. */
export function notReady({ state: { phase, error } }: GatewayContext): ProblemError {
  if (phase === 'failed') return asProblem(error)
  return new ProblemError({ status: 503, ...reasons[phase] })
}

const draining = {
  code: 'ERR_OPENCODE_DRAINING',
  detail: 'The gateway is draining: it ends running turns, and takes no new ones',
}

const reasons: Readonly<Record<Exclude<GatewayPhase, 'failed'>, { code: string; detail: string }>> = {
  starting: { code: 'ERR_OPENCODE_STARTING', detail: 'The gateway is starting: try again in a moment' },
  ready: draining,
  draining,
  closed: draining,
}
