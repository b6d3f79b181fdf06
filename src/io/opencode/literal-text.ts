import { randomUUID } from 'node:crypto'

/** Stands for a brace until the config is text; a random id cannot be part of a config's value. */
const brace = randomUUID()

/**
 * Returns a copy of a config's value whose texts opencode takes literally, for {@link configText}. Keys of
 * objects are texts too.
 *
 * @remarks Observed in opencode 1.18.33: `{env:NAME}` and `{file:path}` are replaced in the text of a config
 * file before the text is parsed, so that an escaped brace prevents the replacement.
 */
export function literal(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/\{(?=(env|file):)/g, brace)
  if (Array.isArray(value)) return value.map(literal)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [literal(key), literal(each)]))
}

/** Returns the text of a config file, with the braces of {@link literal} texts escaped. */
export const configText = (config: unknown): string =>
  `${JSON.stringify(config, null, 2).replaceAll(brace, '\\u007b')}\n`
