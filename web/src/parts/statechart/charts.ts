import * as drawn from 'virtual:charts'
import type { Chart } from './chart.ts'
import { unpacked } from './packed.ts'

/** Outermost states of a server's machine. */
export const server: Chart = unpacked(drawn.server)

/** Insides of the server's states that have nested states, by the name of the state. */
export const insides: ReadonlyMap<string, Chart> = new Map(
  Object.entries(drawn.insides).map(([name, chart]) => [name, unpacked(chart, `${name}.`)]),
)

/** Machine of a fleet. */
export const fleet: Chart = unpacked(drawn.fleet)
