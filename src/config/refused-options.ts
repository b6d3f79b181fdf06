import { InvalidOptionsError } from '../errors.ts'
import { isPlain } from './frozen-copy.ts'

/** Options of a server that the fleet itself sets, with the reason why nobody else may set them. */
export const ownOptions: Readonly<Record<string, string>> = {
  home: 'the home of an agent is {dataDir}/{id}',
  port: 'each start chooses a free port',
  password: 'each start makes a new random password',
  logger: 'give the logger to the fleet',
}

/** Options of a server that no spec may have, with the reason. */
export const refusedInSpec: Readonly<Record<string, string>> = {
  ...ownOptions,
  hostTools:
    "give a list of webhooks, return functions from the fleet's option resolve, or put functions into its defaults",
  spawn: "return the function from the fleet's option resolve, or put it into its defaults",
}

/**
 * Refuses options with the reason for each.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`)
 */
export function refuseOptions(
  options: unknown,
  refused: Readonly<Record<string, string>>,
  where: string,
): void {
  if (!isPlain(options)) return
  const given = Object.entries(refused).filter(([name]) => options[name] !== undefined)
  if (given.length === 0) return
  const reasons = given.map(([name, reason]) => `Option ${name} cannot be in ${where}: ${reason}`)
  throw new InvalidOptionsError(reasons.join('; '))
}
