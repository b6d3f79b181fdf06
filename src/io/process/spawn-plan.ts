import { randomBytes, randomUUID } from 'node:crypto'
import { secretOptions, type CompiledOptions } from '../../config/compiled-options.ts'

/** What a spawn is made with: found before, new each time. */
export interface SpawnPlan {
  binary: string
  /** The directory that the server runs in, a real path. */
  directory: string
  port: number
  hostname: string
  username: string
  password: string | undefined
  marker: string
}

/** Adds the password (random unless given) and the marker of the next spawn to the prepared values. */
export function planSpawn(
  options: CompiledOptions,
  found: Pick<SpawnPlan, 'binary' | 'directory' | 'port'>,
): SpawnPlan {
  const { password = randomBytes(24).toString('base64url') } = secretOptions(options)
  if (password !== false) options.secrets.addPassing(password)
  const { hostname, username } = options.values
  return {
    ...found,
    hostname,
    username,
    password: password === false ? undefined : password,
    marker: randomUUID(),
  }
}
