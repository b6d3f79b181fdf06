import { InvalidOptionsError } from '../errors.ts'

/** Maximum length of an id in a message, in characters; a valid id is shorter. */
const longest = 80

/** Returns the name of an agent for messages: `agent "a1"`. */
export function agentLabel(id: unknown): string {
  if (typeof id !== 'string') return 'agent without an id'
  return `agent ${JSON.stringify(id.length > longest ? `${id.slice(0, longest - 1)}…` : id)}`
}

/**
 * Runs a check of an agent's options; an error of the check names the agent: `agent "a1": invalid option …`.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`)
 */
export function namingAgent<T>(id: unknown, check: () => T): T {
  try {
    return check()
  } catch (cause) {
    if (!(cause instanceof InvalidOptionsError)) throw cause
    const message = cause.message.charAt(0).toLowerCase() + cause.message.slice(1)
    throw new InvalidOptionsError(`${agentLabel(id)}: ${message}`, { cause })
  }
}
