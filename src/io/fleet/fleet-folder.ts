import { join } from 'node:path'

/** Returns the folder of a fleet's own records. It is outside every home, so that no agent edits its own limits. */
export const fleetFolder = (dataDir: string): string => join(dataDir, '.fleet')

/** Returns the folder of the agents' records, one file for each agent. */
export const agentsFolder = (dataDir: string): string => join(fleetFolder(dataDir), 'agents')

/** Returns the path of the fleet's last status, for the command line. */
export const statusFile = (dataDir: string): string => join(fleetFolder(dataDir), 'status.json')

/** Format of the files in the folder; a version of this package reads its own format and older formats. */
export const fleetFormat = 1
