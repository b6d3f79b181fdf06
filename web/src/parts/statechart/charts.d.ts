/** Charts of the machines, which web/chart/plugin.ts draws while the view is built. */
declare module 'virtual:charts' {
  import type { Chart } from './chart.ts'
  /** Outermost states of a server's machine. */
  export const serverOverview: Chart
  /** All states of a server's machine. */
  export const serverWhole: Chart
  /** Machine of a fleet. */
  export const fleet: Chart
}
