import type { AgentSpec } from '../../config/fleet-options.ts'
import { isPlain } from '../../config/frozen-copy.ts'
import { countingName, secretTexts } from '../../config/secret-texts.ts'
import { Secrets } from '../../config/secrets.ts'
import type { HostPaths } from './host-paths.ts'

/** Fields of a spec that can be written, but not read. */
const writeOnly = new Set(['env', 'config'])

/** Returns the secrets of a spec, of the fleet's defaults or of both, for the mask of an answer. */
export function secretsOfSpecs(...specs: readonly object[]): Secrets {
  const secrets = new Secrets()
  for (const spec of specs) for (const text of secretTexts(spec)) secrets.add(text)
  return secrets
}

/**
 * Returns a spec as answers show it: without `env`, `config`, and every text whose name marks a key; credentials in
 * URLs are masked, and of a path outside the agent's directory only the last part is shown.
 *
 * @param directory - the agent's directory
 */
export function shownSpec(spec: AgentSpec, paths: HostPaths, directory: string): Record<string, unknown> {
  const secrets = secretsOfSpecs(spec)
  const show = (text: string): string => paths.mask(secrets.mask(text), directory)
  const given = Object.entries(spec).filter(([name]) => !writeOnly.has(name))
  return shown(Object.fromEntries(given), show) as Record<string, unknown>
}

/** @param outer - name that counts for the value */
function shown(value: unknown, show: (text: string) => string, outer = ''): unknown {
  if (typeof value === 'string') return show(value)
  if (Array.isArray(value)) return value.map((item) => shown(item, show, outer))
  if (!isPlain(value)) return value
  const fields = Object.entries(value).map(
    ([name, inner]) => [name, inner, countingName(outer, name, inner)] as const,
  )
  const open = fields.filter(([, inner, counting]) => !isSecret(counting, inner))
  return Object.fromEntries(open.map(([name, inner, counting]) => [name, shown(inner, show, counting)]))
}

/** Returns whether the name that counts for a field marks its text as a secret. */
const isSecret = (name: string, value: unknown): boolean =>
  typeof value === 'string' && secretTexts(value, name).includes(value) && !/base_?url$/i.test(name)
