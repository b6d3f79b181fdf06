import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nkeyAuthenticator, type ConnectionOptions } from '@nats-io/transport-node'
import { main } from '../../src/cli/program.ts'
import { keptStd } from './cli-streams.ts'

/** Runs `opencode-runtime cluster nats-config`. */
export async function runNatsConfig(...args: string[]) {
  const { std, stdout, stderr } = keptStd()
  const code = await main(['node', 'opencode-runtime', 'cluster', 'nats-config', ...args], std)
  return { code, stdout: stdout(), stderr: stderr() }
}

/** Writes the configuration of a cluster and its keys into a folder. Returns the path, and the credentials of users. */
export async function writeNatsConfig(
  folder: string,
  name: string,
  ...more: string[]
): Promise<{ config: string; credentials: (user: string) => ConnectionOptions }> {
  const [config, keys] = [join(folder, 'nats.conf'), join(folder, 'keys')]
  const { code, stderr } = await runNatsConfig('--name', name, '--keys', keys, '--out', config, ...more)
  if (code !== 0) throw new Error(stderr)
  const credentials = (user: string): ConnectionOptions => ({
    authenticator: nkeyAuthenticator(readFileSync(join(keys, `${user}.nk`))),
  })
  return { config, credentials }
}
