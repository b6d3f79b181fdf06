import { z } from 'zod'
import { lazily, parse } from '../../config/validation.ts'
import { clusterName, connectFunction, tenantName, type JoinOptions } from '../options.ts'
import { openCallerStore, openStore } from '../store/open-store.ts'
import { callerOf } from './caller.ts'
import type { Cluster } from './cluster.ts'

/** Options of {@link connectCluster}. */
export interface ConnectOptions extends Pick<JoinOptions, 'connect' | 'name'> {
  /**
   * Tenant whose agents this caller may use: for credentials of NATS that are limited to the subjects of one tenant. The
   * caller reads no stream; hosts answer what it has missed, so that a host must be up. Its status has the tenant's places
   * only, and is up to a second old.
   *
   * @defaultValue all tenants
   */
  tenant?: string
}

const connectSchema = lazily(() =>
  z.strictObject(
    { connect: connectFunction(), name: clusterName(), tenant: tenantName().optional() },
    'expected an object',
  ),
)

/**
 * Connects to a cluster as a caller: no fleet is needed. At least one host must have joined the cluster before.
 *
 * @param options - The connection to NATS, and the name of the cluster.
 * @returns The connection.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option, or if a package of NATS is not installed.
 * @throws ClusterStoreError if NATS refuses, or does not answer, or if no host has joined the cluster yet.
 *
 * @example
 * import { connect } from '@nats-io/transport-node'
 * import { connectCluster } from 'opencode-runtime/cluster'
 *
 * export async function ask(agentId: string, text: string): Promise<string> {
 *   const servers = ['nats://10.0.0.1:4222']
 *   const cluster = await connectCluster({ name: 'prod', connect: () => connect({ servers }) })
 *   const turn = cluster.turn(agentId, text)
 *   return turn.text().finally(() => cluster.close())
 * }
 */
export async function connectCluster(options: ConnectOptions): Promise<Cluster> {
  const { connect, name, tenant } = parse(connectSchema, options, 'option')
  const store = await (tenant === undefined
    ? openStore({ name, connect, mayProvision: false })
    : openCallerStore({ name, connect, tenant }))
  try {
    return await callerOf(store)
  } catch (error) {
    await store.close()
    throw error
  }
}
