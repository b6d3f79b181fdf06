/** Charts of the machines, which web/chart/plugin.ts draws while the view is built. */
declare module 'virtual:charts' {
  import type { Chart } from './chart.ts'
  /** Outermost states of a server's machine. */
  export const server: Chart
  /** Insides of the server's states that have nested states, by the name of the state. */
  export const insides: Readonly<Record<string, Chart>>
  /** Machine of a fleet. */
  export const fleet: Chart
}
