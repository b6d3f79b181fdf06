import { createHash } from 'node:crypto'
import type { AgentSpec } from '../../config/fleet-options.ts'
import { isPlain } from '../../config/frozen-copy.ts'
import { withoutKeys } from '../../config/spec-keys.ts'

/** Spec of an agent without keys, with its tenant, as the hosts of a cluster share it. */
export type SharedSpec = AgentSpec & { readonly tenant: string }

/** Declaration by which a record came about. */
export interface Declaration {
  /** Host at which the agent was declared. */
  readonly by: string
  /** Time of the declaration, in epoch ms. */
  readonly at: number
  /** Hashes of the latest declarations of the agent, the present one last. */
  readonly seen: readonly string[]
  /** True if the agent was removed. */
  readonly removed?: true
  /** Time for running turns to finish after the removal, in ms. */
  readonly drainMs?: number
  /** Random id of the latest removal that has deleted the homes of the agent. Later declarations keep it. */
  readonly wiped?: string
  /** True if the replies of turns that end after the removal are deleted. */
  readonly erases?: true
}

/** Removal of an agent, as a host wishes it. */
export interface Removal extends Pick<Declaration, 'wiped' | 'erases'> {
  readonly drainMs: number
}

/** Content of a record of an agent. */
export interface SpecFacts {
  readonly spec: SharedSpec
  readonly hash: string
  readonly seen: readonly string[]
  readonly isRemoved: boolean
  readonly drainMs: number
  readonly wiped: string | undefined
}

/** Value of the register of agents. */
export type SpecRecord = Readonly<Record<string, unknown>>

/** Number of declarations that a record remembers. */
const mostSeen = 200

/** Returns the spec of an agent as hosts share it. */
export const sharedSpec = (spec: AgentSpec, tenant: string): SharedSpec => ({ ...withoutKeys(spec), tenant })

/** Returns a hash of a spec. The order of the fields does not matter. */
export const hashOf = (spec: SharedSpec): string =>
  createHash('sha256')
    .update(JSON.stringify(inOrder(spec)))
    .digest('hex')
    .slice(0, 16)

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder)
  if (!isPlain(value)) return value
  const names = Object.keys(value).sort()
  return Object.fromEntries(names.map((name) => [name, inOrder(value[name])]))
}

/** Returns the record of a spec that a host declares, after the present record. */
export function specRecord(
  spec: SharedSpec,
  before: SpecRecord | undefined,
  from: Pick<Declaration, 'by' | 'at'>,
): SpecRecord {
  const hash = hashOf(spec)
  const seen = [...seenIn(before).filter((other) => other !== hash), hash].slice(-mostSeen)
  return { ...spec, declared: { ...from, seen, ...wipedBefore(before) } satisfies Declaration }
}

/** Returns the record of an agent that a host removes. It remembers the declarations before. */
export const removedRecord = (
  { id, tenant }: Pick<SharedSpec, 'id' | 'tenant'>,
  before: SpecRecord | undefined,
  from: Pick<Declaration, 'by' | 'at' | 'drainMs' | 'wiped' | 'erases'>,
): SpecRecord => ({
  ...{ id, tenant },
  declared: {
    ...{ ...wipedBefore(before), ...from },
    ...{ removed: true, seen: seenIn(before) },
  } satisfies Declaration,
})

/** Returns the content of a record. */
export function factsOf(record: SpecRecord): SpecFacts {
  const { declared, ...spec } = record as unknown as SharedSpec & { declared?: Declaration }
  return {
    spec,
    hash: hashOf(spec),
    seen: declared?.seen ?? [],
    isRemoved: declared?.removed === true,
    drainMs: declared?.drainMs ?? 0,
    wiped: declared?.wiped,
  }
}

const declarationOf = (record: SpecRecord | undefined): Partial<Declaration> => record?.['declared'] ?? {}

/** Returns whether a record says that its agent was removed. */
export const isRemoved = (record: SpecRecord | undefined): boolean => declarationOf(record).removed === true

/** Returns whether the replies of turns that end now are deleted. */
export const erasesTurns = (record: SpecRecord | undefined): boolean =>
  isRemoved(record) && declarationOf(record).erases === true

/** Returns the id of the latest removal that has deleted the homes of an agent; `undefined` for none. */
export const wipedIn = (record: SpecRecord | undefined): string | undefined => declarationOf(record).wiped

const wipedBefore = (record: SpecRecord | undefined): Pick<Declaration, 'wiped'> => {
  const wiped = wipedIn(record)
  return wiped === undefined ? {} : { wiped }
}

const seenIn = (record: SpecRecord | undefined): readonly string[] => (record ? factsOf(record).seen : [])
