import { closeSync, fchmodSync, openSync, writeFileSync } from 'node:fs'
import { isAgentId } from '../../config/agent-spec.ts'
import { messageOf } from '../../util/messages.ts'
import { exitCode, UsageError } from '../exit-codes.ts'
import { pathFrom, type NatsConfigFlags } from '../flags.ts'
import type { Std } from '../std.ts'
import { NatsKeys } from './nats-keys.ts'
import {
  natsServerConfig,
  type RouteOptions,
  type ServerConfig,
  type TlsFiles,
} from './nats-server-config.ts'

/**
 * Runs `opencode-runtime cluster nats-config`: writes the configuration of nats-server for a cluster, and the keys of its
 * users that do not exist yet. Resolves with the exit code.
 *
 * @throws UsageError for a bad flag, and for a file that cannot be used
 */
export async function natsConfig(flags: NatsConfigFlags, std: Std): Promise<number> {
  checkNames(flags)
  const tls = tlsFrom(flags)
  const keys = await NatsKeys.open(pathFrom('--keys', flags.keys))
  const config: ServerConfig = {
    cluster: flags.name,
    listen: flags.listen,
    serverName: flags.serverName,
    storeDir: flags.storeDir === undefined ? undefined : pathFrom('--store-dir', flags.storeDir),
    cipher: flags.cipher,
    tls,
    routes: routesFrom(flags, keys),
    hosts:
      (flags.host ?? []).length > 0
        ? names(flags.host).map((id) => keys.user(`host-${id}`))
        : [keys.user('hosts')],
    callers: keys.user('callers'),
    tenants: names(flags.tenant).map((tenant) => ({ tenant, user: keys.user(`tenant-${tenant}`) })),
  }
  const text = natsServerConfig(config)
  std.content = 'the configuration'
  if (flags.out === undefined) await std.out.write(text)
  else writePrivate(pathFrom('--out', flags.out), text)
  await std.err.write(notes(keys, flags))
  return exitCode.final
}

const names = (given: readonly string[] | undefined): string[] => [...new Set(given ?? [])]

function checkNames({ name, tenant, host, serverName, route, routeListen }: NatsConfigFlags): void {
  const require = (flag: string, value: string, isGood: boolean, expected: string): void => {
    if (!isGood) throw new UsageError(`${flag}: expected ${expected}, got ${JSON.stringify(value)}`)
  }
  const isToken = (text: string, max: number): boolean => /^[\w-]+$/.test(text) && text.length <= max
  require('--name', name, isToken(name, 32), '1 to 32 letters, digits, _ or -')
  for (const id of tenant ?? [])
    require('--tenant', id, isAgentId(id), '1 to 63 characters a-z, 0-9, _ and -')
  for (const id of host ?? []) require('--host', id, isToken(id, 64), '1 to 64 letters, digits, _ or -')
  for (const address of route ?? [])
    require('--route', address, /^[\w.[\]:-]+:\d+$/.test(address), 'host:port of another server')
  if ((route ?? []).length === 0 && routeListen === undefined) return
  if (serverName === undefined || routeListen === undefined || (route ?? []).length === 0)
    throw new UsageError(
      'several servers need --server-name, --route-listen and one --route for each other server',
    )
}

function tlsFrom({ tlsCert, tlsKey, tlsCa }: NatsConfigFlags): TlsFiles | undefined {
  if (tlsCert === undefined && tlsKey === undefined && tlsCa === undefined) return undefined
  if (tlsCert === undefined || tlsKey === undefined)
    throw new UsageError('TLS needs --tls-cert and --tls-key')
  return {
    cert: pathFrom('--tls-cert', tlsCert),
    key: pathFrom('--tls-key', tlsKey),
    ca: tlsCa === undefined ? undefined : pathFrom('--tls-ca', tlsCa),
  }
}

function routesFrom(
  { routeListen, routeCa, route }: NatsConfigFlags,
  keys: NatsKeys,
): RouteOptions | undefined {
  if (routeListen === undefined) return undefined
  const ca = routeCa === undefined ? undefined : pathFrom('--route-ca', routeCa)
  return { listen: routeListen, password: keys.routePassword(), to: names(route), ca }
}

/** Writes a file that only its owner can read: it may hold the password of the routes. */
function writePrivate(file: string, text: string): void {
  try {
    const opened = openSync(file, 'w', 0o600)
    try {
      // A file that exists has a mode of its own.
      fchmodSync(opened, 0o600)
      writeFileSync(opened, text)
    } finally {
      closeSync(opened)
    }
  } catch (error) {
    throw new UsageError(`--out: ${file} cannot be written: ${messageOf(error)}`)
  }
}

/** Returns what the user has to know: which keys are new, which ones NATS will refuse, and how the store's key reaches the server. */
function notes(keys: NatsKeys, { cipher, tlsCert }: NatsConfigFlags): string {
  const env = cipher === undefined ? undefined : keys.storeKey()
  const lines = [
    ...keys.made.map((file) => `new secret: ${file}`),
    ...keys.unused.map(
      (file) => `not in this configuration: ${file}; name its --tenant or --host, or delete the file`,
    ),
    ...(env === undefined
      ? []
      : [`start nats-server with the variable of ${env}; without this key, what is stored is lost`]),
    ...(tlsCert === undefined ? ['without --tls-cert and --tls-key, prompts travel unencrypted'] : []),
  ]
  return lines.map((line) => `${line}\n`).join('')
}
