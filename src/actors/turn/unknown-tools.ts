import { hostToolName } from '../../io/opencode/host-tool-name.ts'
import { toolNames } from '../../io/opencode/tool-names.ts'
import { similarTo } from '../../util/similar.ts'

/**
 * Returns a warning for each hidden tool whose name neither opencode nor the host knows. Such a name may be a mistake,
 * after which the tool that was meant is offered. It is no error, because MCP servers and plugins have tools of any
 * name. A pattern is not checked.
 *
 * @param hidden - names of the tools that a turn hides
 * @param hostTools - keys of the host tools
 */
export function unknownTools(hidden: readonly string[], hostTools: readonly string[]): string[] {
  if (hidden.length === 0) return []
  const known = [...toolNames, ...hostTools]
  const isKnown = new Set([...known, ...hostTools.map(hostToolName)])
  return hidden.filter((name) => !isKnown.has(name) && !/[*?]/.test(name)).map((name) => warning(name, known))
}

function warning(name: string, known: readonly string[]): string {
  const [similar] = similarTo(name, known)
  const hint = similar === undefined ? '' : `; did you mean ${similar}?`
  return `turn input tools: no tool of opencode and no host tool is named ${JSON.stringify(name)}, so that only a tool of an MCP server or a plugin is hidden${hint}`
}
