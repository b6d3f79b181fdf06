import { randomBytes, randomUUID } from 'node:crypto'
import { secretOptions, type CompiledOptions } from '../compiled-options.ts'

/** What a spawn is made with: found before, new each time. */
export interface SpawnPlan {
  binary: string
  port: number
  hostname: string
  username: string
  password: string | undefined
  marker: string
}

/** Password (random unless given) and marker of the next spawn. */
export function planSpawn(options: CompiledOptions, binary: string, port: number): SpawnPlan {
  const { password = randomBytes(24).toString('base64url') } = secretOptions(options)
  if (password !== false) options.secrets.addPassing(password)
  const { hostname, username } = options.values
  return {
    binary,
    port,
    hostname,
    username,
    password: password === false ? undefined : password,
    marker: randomUUID(),
  }
}
