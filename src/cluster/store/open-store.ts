import { InvalidOptionsError } from '../../errors.ts'
import type { CallerStore, ClusterStore } from './cluster-store.ts'
import type { NatsStoreOptions } from './nats/nats-store.ts'
import type { TenantStoreOptions } from './nats/tenant-store.ts'

/** Packages of NATS that a cluster needs. The package of the transport comes with `connect`. */
const packages = ['transport-node', 'jetstream', 'kv', 'obj'].map((name) => `@nats-io/${name}`)

/**
 * Opens the store of a cluster in NATS, with the optional peers of the package.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if a package of NATS is not installed
 * @throws ClusterStoreError `unavailable` or `denied`
 */
export async function openStore(options: NatsStoreOptions): Promise<ClusterStore> {
  const { openNatsStore } = await orInstall(() => import('./nats/nats-store.ts'))
  return openNatsStore(options)
}

/**
 * Opens the store for a caller that may use the subjects of one tenant only.
 *
 * @throws InvalidOptionsError or ClusterStoreError, as {@link openStore}
 */
export async function openCallerStore(options: TenantStoreOptions): Promise<CallerStore> {
  const { openTenantStore } = await orInstall(() => import('./nats/tenant-store.ts'))
  return openTenantStore(options)
}

/**
 * Checks that the packages of NATS are installed.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if a package of NATS is not installed
 */
export async function requirePackages(): Promise<void> {
  await orInstall(() => import('./nats/nats-store.ts'))
}

/**
 * Loads a module that needs the packages of NATS.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if a package is not installed
 */
export async function orInstall<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes('@nats-io/')) throw cause
    const names = packages.join(' ')
    throw new InvalidOptionsError(`A cluster needs the packages of NATS: run \`npm install ${names}\``, {
      cause,
    })
  }
}
