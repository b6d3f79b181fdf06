import { badField } from './bad-request.ts'
import type { ChatBody } from './schemas/request.ts'

/** Values of `tool_choice` that ask for no tool of the client. */
const harmlessChoices = new Set<unknown>(['none', 'auto', null, undefined])

/**
 * Checks that a request asks for nothing that an agent cannot do.
 *
 * @throws ProblemError 400 that names the field
 */
export function requireSupported({ n, tools, functions, tool_choice }: ChatBody): void {
  if ((n ?? 1) > 1) throw badField('n', 'unsupported_value', 'expected 1: an agent gives one answer')
  const given = Object.entries({ tools, functions }).find(([, list]) => (list ?? []).length > 0)
  if (given)
    throw badField(given[0], 'unsupported_parameter', 'expected none: the agent has tools of its own')
  if (!harmlessChoices.has(tool_choice))
    throw badField('tool_choice', 'unsupported_value', "expected 'none' or 'auto'")
}
