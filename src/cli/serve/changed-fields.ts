import { isDeepStrictEqual } from 'node:util'
import { isPlain } from '../../config/frozen-copy.ts'
import type { ServeConfig } from '../../gateway/config/config-file.ts'
import { snakeCase } from '../../gateway/schemas/wire-names.ts'

/** Names of the changed fields of a config file beside the agents: those that apply at once, and after a restart. */
export interface ChangedFields {
  now: string[]
  later: string[]
}

/** Returns the fields in which a changed config file differs from that of a daemon. */
export function changedFields(running: ServeConfig, changed: ServeConfig): ChangedFields {
  const { agents: _agents, fleet, gateway, ...rest } = running
  const { agents: _others, fleet: otherFleet, gateway: otherGateway, ...otherRest } = changed
  return {
    now: differing(gateway, otherGateway).map((name) => `gateway.${name}`),
    later: [
      ...differing(rest, otherRest),
      ...differing(fleet, otherFleet, (one, other) => differing(one, other)),
    ],
  }
}

/** Returns the names of the inner fields in which two objects differ. */
type Inner = (one: object, other: object) => string[]

/** Returns the names of fields that differ, as the file has them; with `inner`, those of the fields within them. */
function differing(one: object, other: object, inner?: Inner): string[] {
  const [before, after] = [one, other] as [Record<string, unknown>, Record<string, unknown>]
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) => {
    const [old, next] = [before[key], after[key]]
    const name = snakeCase(key)
    if (isDeepStrictEqual(old, next)) return []
    return inner && isPlain(old) && isPlain(next) ? inner(old, next).map((each) => `${name}.${each}`) : [name]
  })
}
