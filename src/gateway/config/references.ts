import { resolve } from 'node:path'
import type { z } from 'zod'
import { isPlain } from '../../config/frozen-copy.ts'
import { readPlainFileSync } from '../../io/home/plain-file.ts'
import { errnoOf } from '../../io/host/host-fault.ts'
import { innerSchemas, leavesOf, type Definition } from '../schemas/wire-names.ts'

/** Problem of a value, with the path of the value. */
export interface Problem {
  path: readonly PropertyKey[]
  message: string
}

/** Sources of the texts that a file names instead of holding them. */
export interface ReferenceSources {
  env: Readonly<Record<string, string | undefined>>
  /** Folder that relative paths start from. */
  folder: string
}

/**
 * Replaces each `{ env: NAME }` and `{ file: PATH }` by the text that it names. An object whose schema has a field or
 * a key of that name is no reference: the variable `env` of an agent, a label `env`. Values without a schema, such as
 * the insides of `config`, may hold references at every depth.
 *
 * @returns the value, and the references that name nothing
 */
export function resolveReferences(
  value: unknown,
  schema: z.core.$ZodType,
  sources: ReferenceSources,
): { value: unknown; problems: Problem[] } {
  const problems: Problem[] = []
  const visit = (at: unknown, schemas: readonly Definition[], path: readonly PropertyKey[]): unknown => {
    if (Array.isArray(at)) return at.map((item, i) => visit(item, innerSchemas(schemas, i), [...path, i]))
    if (!isPlain(at)) return at
    const reference = referenceIn(at, schemas)
    if (!reference) {
      const entries = Object.entries(at)
      return Object.fromEntries(
        entries.map(([key, inner]) => [key, visit(inner, innerSchemas(schemas, key), [...path, key])]),
      )
    }
    const read = reference.kind === 'env' ? readVariable : readText
    const found = read(reference.name, sources)
    if ('text' in found) return found.text
    problems.push({ path, message: found.problem })
    return undefined
  }
  return { value: visit(value, leavesOf(schema), []), problems }
}

/** Returns the reference that an object stands for; `undefined` for an object of its own. */
function referenceIn(value: Record<string, unknown>, schemas: readonly Definition[]) {
  const [[kind, name] = [], ...more] = Object.entries(value)
  if ((kind !== 'env' && kind !== 'file') || typeof name !== 'string' || more.length > 0) return undefined
  const isField = schemas.some(({ shape = {}, valueType }) => Object.hasOwn(shape, kind) || valueType)
  return isField ? undefined : { kind, name }
}

type Found = { text: string } | { problem: string }

function readVariable(name: string, { env }: ReferenceSources): Found {
  const text = env[name]
  return text === undefined ? { problem: `the environment variable ${name} is not set` } : { text }
}

/** Reads a file without the line break at its end, which editors add. */
function readText(name: string, { folder }: ReferenceSources): Found {
  const path = resolve(folder, name)
  try {
    const text = readPlainFileSync(path)
    return text === undefined ? { problem: `${path} is not a file` } : { text: text.replace(/\r?\n$/, '') }
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'ENOENT') return { problem: `the file ${path} does not exist` }
    return { problem: `the file ${path} cannot be read${code === undefined ? '' : ` (${code})`}` }
  }
}
