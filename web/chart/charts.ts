import { fleetMachine } from '../../src/machines/fleet/fleet-machine.ts'
import { serverMachine } from '../../src/machines/server-machine.ts'
import type { Chart } from '../src/parts/statechart/chart.ts'
import { drawMachine } from './draw.ts'

/** Charts that the view shows, as the module `virtual:charts` exports them. */
export interface Charts {
  /** Outermost states of a server's machine. */
  server: Chart
  /** Insides of the server's states that have nested states, by the name of the state. */
  insides: Record<string, Chart>
  /** Machine of a fleet. */
  fleet: Chart
}

/** Draws the machines that run. */
export function drawCharts(): Charts {
  const nested = Object.values(serverMachine.root.states).filter(
    ({ states }) => Object.keys(states).length > 0,
  )
  return {
    server: drawMachine(serverMachine, { depth: 1 }, 'TB'),
    insides: Object.fromEntries(nested.map(({ key }) => [key, drawMachine(serverMachine, { inside: key })])),
    fleet: drawMachine(fleetMachine),
  }
}
