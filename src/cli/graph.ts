import { serverMachine } from '../machines/server-machine.ts'
import { mermaid } from './mermaid.ts'
import { exitCode } from './exit-codes.ts'
import type { Std } from './std.ts'

/** Flags of `graph`. */
export interface GraphFlags {
  all?: boolean
}

/** Prints the lifecycle as a Mermaid diagram, generated from the machine that runs. */
export function graph({ all = false }: GraphFlags, { out }: Std): number {
  void out.write(mermaid(serverMachine.root, all ? Infinity : 1))
  return exitCode.final
}
