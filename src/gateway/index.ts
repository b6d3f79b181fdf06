/** HTTP interface of a fleet. */
import { AssembledGateway } from './gateway.ts'
import type { Gateway } from './gateway-handle.ts'
import type { GatewayOptions } from './options.ts'
import { parts } from './parts.ts'
import { openGatewayLog } from './open-log.ts'

export type { Gateway, GatewayCloseOptions } from './gateway-handle.ts'
export type { GatewayOptions, GatewaySettings } from './options.ts'
export type { Scope, TokenRecord } from './access/caller.ts'
export type { Problem } from './http/problem.ts'

/**
 * Creates the HTTP interface of a fleet: a standard fetch handler, for any server that takes one.
 *
 * @param options - The fleet, the tokens, and bounds.
 * @returns The gateway. Close it before the fleet.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option, or for a file of tokens that cannot be
 * used.
 *
 * @example
 * import { Fleet } from 'opencode-runtime'
 * import { createGateway } from 'opencode-runtime/gateway'
 *
 * await using fleet = new Fleet({
 *   dataDir: '/srv/agents',
 *   defaults: { proxy: { baseURL: 'http://127.0.0.1:4000/v1' }, models: ['gpt-4o'] },
 * })
 * await using gateway = createGateway({ fleet })
 * await gateway.ready
 * const answer = await gateway.fetch(new Request('http://127.0.0.1/healthz'))
 * console.log(answer.status)
 */
export function createGateway(options: GatewayOptions): Gateway {
  return new AssembledGateway(options, { log: openGatewayLog, parts })
}
