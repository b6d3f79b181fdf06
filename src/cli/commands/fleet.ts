import { Command } from 'commander'
import { fleetExitCodeHelp } from '../exit-codes.ts'
import type { FleetStatusFlags } from '../flags.ts'
import type { Std } from '../std.ts'

/** Returns the commands about a fleet. `onExit` gets the exit code. */
export function fleetCommand(onExit: (code: number) => void, std: Std, program: Command): Command {
  const fleet = new Command('fleet')
    .description('Shows a fleet, whose agents share a host.')
    .copyInheritedSettings(program)
  const status = new Command('status')
    .description(
      'Shows the last status of a fleet: whether it runs, its servers, turns and memory, its tenants and agents.\n' +
        'Agents that have failed come first, then busy ones, then the most recently used. Changes nothing.',
    )
    .requiredOption('--data-dir <dir>', 'data directory of the fleet (its option dataDir)')
    .option('--json', 'write the status as one line of JSON to stdout')
    .option('--watch', 'show the status again when it changes, until Ctrl-C')
    .option('--all', 'show all agents, also if they do not fit on the terminal')
    .addHelpText('after', fleetExitCodeHelp)
    .action(async (flags: FleetStatusFlags) => {
      const { fleetStatus } = await import('../fleet/status.ts')
      onExit(await fleetStatus(flags, std))
    })
  return fleet.addCommand(status.copyInheritedSettings(program))
}
