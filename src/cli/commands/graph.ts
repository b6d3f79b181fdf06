import { Command } from 'commander'
import type { GraphFlags } from '../graph.ts'
import type { Std } from '../std.ts'

/** Returns the command that prints a state machine. `onExit` gets the exit code. */
export function graphCommand(onExit: (code: number) => void, std: Std): Command {
  return new Command('graph')
    .description("Prints the server's lifecycle as a Mermaid diagram, generated from the machine itself.")
    .option('--all', 'include nested states')
    .option('--fleet', "print a fleet's machine instead")
    .action(async (flags: GraphFlags) => {
      const { graph } = await import('../graph.ts')
      onExit(graph(flags, std))
    })
}
