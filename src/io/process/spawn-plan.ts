import { randomBytes, randomUUID } from 'node:crypto'
import { secretOptions, type CompiledOptions } from '../../config/compiled-options.ts'

/**
 * Values of a spawn. Binary, directory and port are found before; password (if not given) and marker are new
 * for each spawn.
 */
export interface SpawnPlan {
  binary: string
  /** Working directory of the server, a real path. */
  directory: string
  port: number
  hostname: string
  username: string
  password: string | undefined
  marker: string
  /** Endpoint of the host tools; `undefined` if there are none. */
  hostTools?: { port: number; token: string } | undefined
}

/**
 * Returns the plan of the next spawn: the prepared values with the password (random unless given) and a new
 * marker.
 */
export function planSpawn(
  options: CompiledOptions,
  found: Pick<SpawnPlan, 'binary' | 'directory' | 'port' | 'hostTools'>,
): SpawnPlan {
  const { password = randomBytes(24).toString('base64url') } = secretOptions(options)
  if (password !== false) options.secrets.addPassing(password)
  if (found.hostTools) options.secrets.addPassing(found.hostTools.token)
  const { hostname, username } = options.values
  return {
    ...found,
    hostname,
    username,
    password: password === false ? undefined : password,
    marker: randomUUID(),
  }
}
