import { fleetMachine } from '../../src/machines/fleet/fleet-machine.ts'
import { serverMachine } from '../../src/machines/server-machine.ts'
import type { Chart } from '../src/parts/statechart/chart.ts'
import { drawMachine } from './draw.ts'

/** Draws the machines that the view shows, by the names that `virtual:charts` exports. */
export const drawCharts = (): Record<'serverOverview' | 'serverWhole' | 'fleet', Chart> => ({
  serverOverview: drawMachine(serverMachine, { depth: 1, direction: 'TB' }),
  serverWhole: drawMachine(serverMachine, { direction: 'TB' }),
  fleet: drawMachine(fleetMachine, { direction: 'LR' }),
})
