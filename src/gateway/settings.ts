import { AssembledGateway, type Gateway } from './gateway.ts'
import type { GatewaySettings } from './options.ts'

/**
 * Replaces the settings of a gateway that runs. An absent setting gets its default.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad setting, before any change
 */
export function changeSettings(gateway: Gateway, settings: GatewaySettings): void {
  if (!(gateway instanceof AssembledGateway)) throw new TypeError('Expected a gateway of createGateway')
  gateway.change(settings)
}
