/**
 * Returns the reach of "Always allow" in words, because a click gives more than the request asks for.
 *
 * @remarks Observed in opencode: the patterns that `always` grants are those of the request for folders and skills,
 * the beginnings of its commands for `bash`, and `*` for its other tools.
 */
export function alwaysScope(permission: string, patterns: readonly string[]): string {
  return `Always allow covers ${reach(permission, patterns)}, in every session of this agent, until its server stops.`
}

function reach(permission: string, patterns: readonly string[]): string {
  if (permission === 'bash') return 'every command that begins like these'
  if (exact.has(permission)) return `exactly ${patterns.join(', ')}`
  return `every request for ${permission}`
}

/** Kinds whose patterns are granted as they are asked for. */
const exact = new Set(['external_directory', 'skill', 'doom_loop'])
