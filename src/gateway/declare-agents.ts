import { reviseAgents, tenantOf } from '../api/fleet/internals.ts'
import type { ApplyResult, RemoveOptions } from '../api/fleet/declare.ts'
import { specsOf } from '../cluster/specs/spec-sync.ts'
import type { AgentSpec } from '../config/fleet-options.ts'
import { keyPaths, withKeysOf } from '../config/spec-keys.ts'
import { unknownAgent } from '../config/unknown-agent.ts'
import { InvalidOptionsError } from '../errors.ts'
import { isUnscoped, sees, type Caller } from './access/caller.ts'
import { declarable, requireDeclarable } from './access/spec-rules.ts'
import { requireAgent, shownAgentSpec } from './agents.ts'
import { requireInTime } from './cluster/in-time.ts'
import type { GatewayContext } from './context.ts'
import { ProblemError } from './http/problem.ts'
import { mergePatch, patchBeyond } from './merge-patch.ts'
import { checkWireSpec, specFromWire, specToWire } from './schemas/spec.ts'

/** Time for which a removal waits for a store that is away, in ms. */
const limitMs = 10_000

/** Fields of the wire. */
type Wire = Readonly<Record<string, unknown>>

/** Declares one agent: its whole spec. */
export function putAgent(
  context: GatewayContext,
  caller: Caller,
  id: string,
  body: Wire,
): Promise<ApplyResult> {
  refuseKeys(context, body)
  const spec = specFromWire({ ...body, id: sameId(id, body) })
  return reviseAgents(context.fleet, [id], (kept) => ({
    put: [declarableSpec(context, caller, spec, kept.get(id))],
  }))
}

/** Declares agents, and with `prune` removes those that the caller may see and does not name. */
export function applyAgents(
  context: GatewayContext,
  caller: Caller,
  bodies: readonly Wire[],
  prune: boolean,
): Promise<ApplyResult> {
  const { fleet } = context
  bodies.forEach((body, i) => refuseKeys(context, body, `agents[${i}].`))
  const specs = bodies.map(specFromWire)
  const named = new Set(specs.map(({ id }) => id))
  const again = specs.findIndex(({ id }, i) => specs.findIndex((spec) => spec.id === id) < i)
  if (again >= 0)
    throw new InvalidOptionsError(`Invalid field agents[${again}].id: expected each id only once`)
  return reviseAgents(fleet, prune ? undefined : [...named], (kept, faulty) => {
    const visible = [...kept.values()].filter((spec) => isVisible(context, caller, spec)).map(({ id }) => id)
    // The tenant of an agent whose record is faulty is not known.
    const known = [...visible, ...(isUnscoped(caller) ? faulty : [])]
    const remove = prune ? known.filter((id) => !named.has(id)) : []
    return { put: specs.map((spec) => declarableSpec(context, caller, spec, kept.get(spec.id))), remove }
  })
}

/** Changes fields of an agent's spec by a JSON merge patch. */
export function patchAgent(
  context: GatewayContext,
  caller: Caller,
  id: string,
  { status: _status, ...body }: Wire,
): Promise<ApplyResult> {
  sameId(id, body)
  requireAgent(context, caller, id)
  return reviseAgents(context.fleet, [id], (kept) => {
    const before = kept.get(id)
    if (!before) throw unknownAgent(id, [])
    const patch = patchBeyond(shownAgentSpec(context, before), body)
    refuseKeys(context, patch)
    requireDeclarable(caller, specFromWire(patch) as unknown as Wire, before)
    const merged = mergePatch(specToWire(before), patch) as Wire
    checkWireSpec(merged)
    return { put: [specFromWire(merged)] }
  })
}

/**
 * Removes an agent, and erases the replies of its turns. In a cluster, the owners of its running turns erase the replies of
 * these when they end.
 *
 * @param storeMs - time for which the removal waits for a store that is away, in ms
 * @throws ClusterStoreError `unavailable` if the agent is removed here, and the cluster does not know yet; the replies are
 * erased when it knows
 */
export async function removeAgent(
  { fleet, log }: Pick<GatewayContext, 'fleet' | 'log'>,
  { id, tenant }: { id: string; tenant: string },
  options: Required<RemoveOptions>,
  storeMs = limitMs,
): Promise<void> {
  const erase = (): Promise<void> => log.erase({ agentId: id, tenant })
  const specs = specsOf(fleet)
  if (!specs) {
    await fleet.remove(id, options)
    return erase()
  }
  const { stored } = await specs.removeWithReplies(id, options)
  const erased = stored.then(erase)
  // The caller may have its answer by then.
  erased.catch(() => undefined)
  await requireInTime(storeMs, stored)
  await erased
}

/** Returns the spec that a caller may declare; an agent that the caller may not see does not exist for the caller. */
function declarableSpec(
  context: GatewayContext,
  caller: Caller,
  given: AgentSpec,
  before: AgentSpec | undefined,
): AgentSpec {
  if (before && !isVisible(context, caller, before)) throw unknownAgent(given.id, [])
  const spec = declarable(caller, given, before)
  // A request cannot give the keys of a host, so that it must not remove them either.
  return before && context.cluster ? withKeysOf(before, spec) : spec
}

const isVisible = ({ fleet }: GatewayContext, caller: Caller, spec: AgentSpec): boolean =>
  sees(caller, { id: spec.id, tenant: tenantOf(fleet, spec) })

/**
 * Refuses keys in a cluster: they would stay on this host, while the agent may live on another one.
 *
 * @throws ProblemError 422 that names the first field with a key
 */
function refuseKeys({ cluster }: GatewayContext, body: Wire, before = ''): void {
  const [path] = cluster ? keyPaths(body) : []
  if (path === undefined) return
  const field = `${before}${path}`
  throw new ProblemError({
    ...{ status: 422, code: 'ERR_OPENCODE_KEY_IN_SPEC', field },
    detail: `The field ${field} holds a key, and keys do not travel between the hosts of a cluster: leave the field out, and give the key to each host, by its own config or by resolveKey`,
  })
}

/** Returns the id of the path. The body may repeat it. */
function sameId(id: string, body: Wire): string {
  if (body['id'] !== undefined && body['id'] !== id)
    throw new InvalidOptionsError(`Invalid field id: expected the id of the path, ${JSON.stringify(id)}`)
  return id
}
