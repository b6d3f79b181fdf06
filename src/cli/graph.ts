import { fleetMachine } from '../machines/fleet/fleet-machine.ts'
import { serverMachine } from '../machines/server-machine.ts'
import { mermaid } from './mermaid.ts'
import { exitCode } from './exit-codes.ts'
import type { Std } from './std.ts'

/** Flags of `graph`. */
export interface GraphFlags {
  all?: boolean
  fleet?: boolean
}

/** Prints the lifecycle of a server or of a fleet as a Mermaid diagram, generated from the machine that runs. */
export function graph({ all = false, fleet = false }: GraphFlags, { out }: Std): number {
  const { root } = fleet ? fleetMachine : serverMachine
  void out.write(mermaid(root, all ? Infinity : 1))
  return exitCode.final
}
