import type { HostRecord } from './store/records.ts'

/** Host that may claim an agent. */
export interface Candidate {
  readonly id: string
  readonly record: Pick<HostRecord, 'max' | 'used'>
}

/**
 * Returns the order in which hosts should claim an agent: the host that had the agent last, then rendezvous hashing
 * weighted by capacity. A full host is left out.
 *
 * @remarks The weight is the capacity, not the free part of it: each host knows the use of the others from another moment,
 * and hosts that disagree claim at the same time.
 */
export function rank(agent: string, hosts: readonly Candidate[], last: string | null): string[] {
  const scored = hosts
    .filter(({ record }) => record.used < record.max)
    .map(({ id, record }) => ({ id, score: id === last ? Infinity : scoreOf(agent, id, record.max) }))
  return scored
    .sort((a, b) => (a.score === b.score ? (a.id < b.id ? -1 : 1) : b.score - a.score))
    .map(({ id }) => id)
}

const scoreOf = (agent: string, host: string, max: number): number =>
  max / -Math.log(uniform(`${agent}|${host}`))

/** Returns a number between 0 and 1 for a text, the same on each host. */
function uniform(text: string): number {
  let hash = 2_166_136_261
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16_777_619)
  hash = Math.imul(hash ^ (hash >>> 16), 2_246_822_507)
  hash = Math.imul(hash ^ (hash >>> 13), 3_266_489_909)
  return (((hash ^ (hash >>> 16)) >>> 0) + 1) / (2 ** 32 + 1)
}
