import { InvalidOptionsError } from '../../errors.ts'
import { messageOf } from '../../util/messages.ts'
import type { SpawnWrapper } from '../../config/server-options.ts'

/** Command of a spawn, with its program first. */
export interface SpawnCommand {
  /** Command of the server itself. */
  own: readonly string[]
  /** Command that the option `spawn` returned, which runs instead; `undefined` without that option. */
  wrapped?: readonly string[] | undefined
  /** Variables of the command. */
  env: Readonly<Record<string, string>>
}

const expected =
  'Invalid option spawn: expected the function to return a list of at least one string, none of them empty'

/**
 * Asks the option `spawn` for the command to run instead of the server's own.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the function throws or returns no command
 */
export function wrapCommand(
  wrap: SpawnWrapper | undefined,
  own: readonly string[],
  env: Readonly<Record<string, string>>,
): SpawnCommand {
  if (wrap === undefined) return { own, env }
  const wrapped: unknown = callWrapper(wrap, Object.freeze([...own]), Object.freeze({ ...env }))
  if (!isCommand(wrapped)) throw new InvalidOptionsError(`${expected}, got ${kindOf(wrapped)}`)
  return { own, wrapped: [...wrapped], env }
}

function callWrapper(...[wrap, own, env]: [SpawnWrapper, ...Parameters<SpawnWrapper>]): unknown {
  try {
    return wrap(own, env)
  } catch (cause) {
    throw new InvalidOptionsError(`The function of the option spawn failed: ${messageOf(cause)}`, { cause })
  }
}

const isCommand = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length > 0 && value.every(isArgument)

const isArgument = (value: unknown): boolean =>
  typeof value === 'string' && value !== '' && !value.includes('\0')

/** Returns the kind of a wrong value. The value itself may hold the password. */
function kindOf(value: unknown): string {
  if (value instanceof Promise) return 'a promise'
  if (!Array.isArray(value)) return value === null ? 'null' : `a value of the type ${typeof value}`
  const wrong = value.findIndex((each) => !isArgument(each))
  if (wrong === -1) return 'an empty list'
  const entry: unknown = value[wrong]
  const kind =
    typeof entry !== 'string' ? typeof entry : entry === '' ? 'empty string' : 'string with a null character'
  return `a list whose entry ${wrong} is of the kind: ${kind}`
}
