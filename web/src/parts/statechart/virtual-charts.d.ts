/** Charts of the machines, which web/chart/plugin.ts draws while the view is built. */
declare module 'virtual:charts' {
  type PackedChart = import('./packed.ts').PackedChart
  /** Outermost states of a server's machine. */
  export const server: PackedChart
  /** Insides of the server's states that have nested states, by the name of the state. */
  export const insides: Readonly<Record<string, PackedChart>>
  /** Machine of a fleet. */
  export const fleet: PackedChart
}
