import { hostToolName } from '../../io/opencode/host-tool-name.ts'
import { structuredOutputTool } from '../../io/opencode/structured-output.ts'

/**
 * Name that no tool has. Its denial marks the rules of this package in a session, and replaces the rules of an
 * earlier prompt.
 */
export const noTool = 'opencode_runtime_hidden'

/** Conversation whose session may remember what an earlier prompt hid. */
interface Hiding {
  readonly hidesTools: boolean
}

/**
 * Returns the field `tools` of a prompt; `undefined` if the prompt changes nothing.
 *
 * @param hidden - names of the tools that the turn hides; a host tool is hidden by its key
 * @param hostTools - host tools by key
 * @remarks Observed in opencode: the tools of a prompt replace the session's permission rules, and stay until
 * the next prompt with tools. `true` is stored as *allow*, which would defeat a rule that asks, so that only
 * denials are sent. An empty record replaces nothing. The tool of structured answers asks for no permission; it
 * is allowed, because `'*'` would hide it too.
 */
export function toolsOfPrompt(
  hidden: readonly string[],
  hostTools: Readonly<Record<string, unknown>>,
  { hidesTools }: Hiding,
): Record<string, boolean> | undefined {
  if (hidden.length === 0 && !hidesTools) return undefined
  const names = hidden.flatMap((name) =>
    Object.hasOwn(hostTools, name) ? [name, hostToolName(name)] : [name],
  )
  const denials = Object.fromEntries([noTool, ...names].map((name) => [name, false]))
  return hidden.includes('*') ? { ...denials, [structuredOutputTool]: true } : denials
}

/** Returns whether a turn hides a host tool. */
export const hides = (hidden: readonly string[], key: string): boolean =>
  [key, hostToolName(key), '*'].some((name) => hidden.includes(name))
