import { callerPermissions, tenantPermissions, tenantSubjects, type Permissions } from './nats-permissions.ts'

/** TLS of a server of NATS, as paths of files. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** Authority of the clients: a client must have a certificate of it. */
  readonly ca: string | undefined
}

/** Connections of a server of NATS with the other servers. */
export interface RouteOptions {
  readonly listen: string
  readonly password: string
  /** Addresses of the other servers, as `host:port`. */
  readonly to: readonly string[]
  /** Authority of the certificates of the servers; that of the clients if `undefined`. */
  readonly ca: string | undefined
}

/** User of NATS with a key: its name is for people. */
export interface NatsUser {
  readonly name: string
  /** Public key. */
  readonly nkey: string
}

/** Facts of which the configuration of a server of NATS is made. */
export interface ServerConfig {
  readonly cluster: string
  readonly listen: string
  readonly serverName: string | undefined
  readonly storeDir: string | undefined
  readonly cipher: string | undefined
  readonly tls: TlsFiles | undefined
  readonly routes: RouteOptions | undefined
  readonly hosts: readonly NatsUser[]
  readonly callers: NatsUser
  readonly tenants: readonly { readonly tenant: string; readonly user: NatsUser }[]
}

/** Variable of the server's environment that holds the key of its store. */
export const storeKeyVariable = 'NATS_STORE_KEY'

/** Returns the configuration of a server of NATS for a cluster. */
export function natsServerConfig(config: ServerConfig): string {
  const { cluster, listen, serverName, storeDir, cipher, tls, routes } = config
  const encryption = cipher === undefined ? '' : `  cipher: ${cipher}\n  key: $${storeKeyVariable}\n`
  const sections = [
    `# nats-server of the cluster ${cluster}, written by: opencode-runtime cluster nats-config`,
    serverName === undefined ? '' : `server_name: ${quoted(serverName)}`,
    `listen: ${quoted(listen)}`,
    `jetstream {\n${storeDir === undefined ? '' : `  store_dir: ${quoted(storeDir)}\n`}${encryption}}`,
    tls ? tlsSection(tls) : '',
    routes ? routesSection(cluster, routes, tls) : '',
    accountsSection(config),
  ]
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`
}

const quoted = (text: string): string => JSON.stringify(text)

function tlsSection({ cert, key, ca }: TlsFiles): string {
  const authority = ca === undefined ? [] : [`ca_file: ${quoted(ca)}`, 'verify: true']
  return block('tls', [`cert_file: ${quoted(cert)}`, `key_file: ${quoted(key)}`, ...authority])
}

function routesSection(
  cluster: string,
  { listen, password, to, ca }: RouteOptions,
  tls: TlsFiles | undefined,
): string {
  const urls = to.map((address) => quoted(`nats://route:${password}@${address}`))
  return block('cluster', [
    `name: ${quoted(cluster)}`,
    `listen: ${quoted(listen)}`,
    `authorization { user: "route", password: ${quoted(password)} }`,
    ...(tls ? [tlsSection({ ...tls, ca: ca ?? tls.ca })] : []),
    list('routes', urls),
  ])
}

/**
 * Returns the accounts: one of the cluster with its streams, and one of each tenant without. In one account, any publisher
 * could make the server write to any subject, by the reply subject of a message; between accounts, it cannot.
 */
function accountsSection({ cluster, hosts, callers, tenants }: ServerConfig): string {
  const account = `OC_${cluster}`
  const own = block(quoted(account), [
    'jetstream: enabled',
    list('users', [...hosts.map((host) => userOf(host)), userOf(callers, callerPermissions(cluster))]),
    list(
      'exports',
      tenants.flatMap(({ tenant }) => exportsTo(cluster, tenant, tenantAccount(account, tenant))),
    ),
  ])
  const others = tenants.map(({ tenant, user }) =>
    block(quoted(tenantAccount(account, tenant)), [
      list('users', [userOf(user, tenantPermissions(cluster, tenant))]),
      list('imports', importsOf(cluster, tenant, account)),
    ]),
  )
  return block('accounts', [own, ...others])
}

const tenantAccount = (account: string, tenant: string): string => `${account}_${tenant}`

function userOf({ name, nkey }: NatsUser, permissions?: Permissions): string {
  const comment = `# ${name}`
  if (!permissions) return `${comment}\n{ nkey: ${nkey} }`
  const allow = (subjects: readonly string[]): string => list('allow', subjects.map(quoted))
  return `${comment}\n${block('', [
    `nkey: ${nkey}`,
    block('permissions', [
      block('publish', [allow(permissions.publish)]),
      block('subscribe', [allow(permissions.subscribe)]),
    ]),
  ])}`
}

function exportsTo(cluster: string, tenant: string, account: string): string[] {
  const { services, streams } = tenantSubjects(cluster, tenant)
  const to = `accounts: [${quoted(account)}]`
  return [
    ...services.map((subject) => `{ service: ${quoted(subject)}, ${to} }`),
    ...streams.map((subject) => `{ stream: ${quoted(subject)}, ${to} }`),
  ]
}

function importsOf(cluster: string, tenant: string, account: string): string[] {
  const { services, streams } = tenantSubjects(cluster, tenant)
  const from = (subject: string): string => `{ account: ${quoted(account)}, subject: ${quoted(subject)} }`
  return [
    ...services.map((subject) => `{ service: ${from(subject)} }`),
    ...streams.map((subject) => `{ stream: ${from(subject)} }`),
  ]
}

const block = (name: string, lines: readonly string[]): string =>
  [`${name} {`.trimStart(), ...lines.map(indented), '}'].join('\n')

const list = (name: string, items: readonly string[]): string =>
  items.length === 0 ? `${name}: []` : [`${name}: [`, ...items.map(indented), ']'].join('\n')

const indented = (text: string): string => text.replaceAll(/^/gm, '  ')
