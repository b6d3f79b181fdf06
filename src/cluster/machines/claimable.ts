import { drop } from '../../machines/fair-queue/sorted.ts'
import { verdictOf } from '../liveness.ts'
import type { HostContext } from './host-context.ts'

/** Returns whether an agent has no owner, a dead one, or this run of this host without a placement. */
export function isClaimable(
  { places, roster, hostId, lease }: HostContext,
  key: string,
  now: number,
): boolean {
  const place = places.get(key)?.record
  if (!place?.hostId) return true
  if (place.hostId === hostId && place.incarnation === lease?.incarnation) return true
  const verdict = verdictOf(roster, place.hostId, place.incarnation, now)
  return verdict === 'dead' || verdict === 'missing'
}

/** Returns whether this host may still get one of the agents that it has noted. Other hosts may have claimed them since. */
export const hasClaimable = (context: HostContext, now: number): boolean =>
  [context.waiting, context.due].some((keys) =>
    [...keys.keys()].some((key) => isClaimable(context, key, now)),
  )

/**
 * Forgets the agents that wait for room though a look at all inboxes has found no turn of them, or another host has them.
 * An agent that is new may have come after the look.
 *
 * @param pending - agents with turns
 */
export function withoutStale(
  context: HostContext,
  pending: readonly string[],
  now: number,
): HostContext['waiting'] {
  const found = new Set(pending)
  let { waiting } = context
  for (const [key, since] of context.waiting.entries()) {
    const isFresh = found.has(key) || now - since < context.leaseMs
    if (!isFresh || !isClaimable(context, key, now)) waiting = drop(waiting, key)
  }
  return waiting
}
