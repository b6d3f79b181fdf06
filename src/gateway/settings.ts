import { AssembledGateway } from './gateway.ts'
import type { Gateway } from './gateway-handle.ts'
import type { GatewaySettings } from './options.ts'

/**
 * Replaces the settings of a gateway that runs. An absent setting gets its default.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad setting, before any change
 */
export function changeSettings(gateway: Gateway, settings: GatewaySettings): void {
  assembled(gateway).change(settings)
}

/** Ends the wait of a gateway that closes for turns that go on elsewhere. */
export const endDrain = (gateway: Gateway): Promise<void> => assembled(gateway).endDrain()

function assembled(gateway: Gateway): AssembledGateway {
  if (gateway instanceof AssembledGateway) return gateway
  throw new TypeError('Expected a gateway of createGateway')
}
