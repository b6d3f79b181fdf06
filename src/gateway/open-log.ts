import { join } from 'node:path'
import { fleetFolder } from '../io/fleet/fleet-folder.ts'
import { openTurnLog } from './log/index.ts'
import type { ResolvedGatewayOptions } from './options.ts'
import type { TurnLog } from './turns/turn-log.ts'

/** Opens the log of turns in the folder of the fleet's records. */
export const openGatewayLog = ({ dataDir, retentionDays, maxStoreMb }: ResolvedGatewayOptions): TurnLog =>
  openTurnLog({ file: join(fleetFolder(dataDir), 'gateway.db'), retentionDays, maxStoreMb })
