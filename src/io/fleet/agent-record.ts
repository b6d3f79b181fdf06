import { readFileSync } from 'node:fs'
import { OpenCodeRuntimeError } from '../../errors.ts'
import type { AgentSpec } from '../../config/fleet-options.ts'
import { messageOf } from '../../util/messages.ts'
import { asHostFault } from '../host/host-fault.ts'
import { fleetFormat } from './fleet-folder.ts'

/** Checks a spec that a record holds, and returns it. @throws InvalidOptionsError if the spec is invalid */
export type CheckSpec = (spec: unknown) => AgentSpec

/** Returns the content of an agent's record. */
export const recordText = (spec: AgentSpec): string =>
  `${JSON.stringify({ format: fleetFormat, spec }, null, 2)}\n`

/**
 * Reads the record of an agent.
 *
 * @throws HostFaultError (`ERR_OPENCODE_HOST_FAULT`) if the record cannot be read at the moment
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the spec in the record is invalid
 * @throws OpenCodeRuntimeError (`ERR_OPENCODE_RUNTIME`) if the record is damaged, unreadable or of a newer format
 */
export function readRecord(file: string, id: string, check: CheckSpec): AgentSpec {
  const { format, spec } = parseRecord(textOf(file, id), id)
  if (format !== fleetFormat) throw faulty(id, formatFault(format))
  const checked = check(spec)
  if (checked.id !== id) throw faulty(id, `has the id ${JSON.stringify(checked.id)} of another agent`)
  return checked
}

function textOf(file: string, id: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const what = `The record of the agent "${id}" could not be read`
    const fault = asHostFault(error, what, file)
    throw fault === error ? new OpenCodeRuntimeError(`${what}: ${messageOf(error)}`, { cause: error }) : fault
  }
}

function parseRecord(text: string, id: string): { format?: unknown; spec?: unknown } {
  try {
    const record: unknown = JSON.parse(text)
    if (typeof record === 'object' && record !== null) return record
  } catch {
    // The message of the parser may show a part of the record, which holds a key.
  }
  throw faulty(id, 'is damaged')
}

const formatFault = (format: unknown): string =>
  typeof format === 'number' && format > fleetFormat
    ? `has the format ${format} of a newer version of opencode-runtime; update the package`
    : 'is damaged: it has no known format'

const faulty = (id: string, what: string): OpenCodeRuntimeError =>
  new OpenCodeRuntimeError(
    `The record of the agent "${id}" ${what}. The record is kept; to replace it, declare the agent again with put()`,
  )
