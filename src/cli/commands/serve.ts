import { Command, Option } from 'commander'
import { serveExitCodeHelp } from '../exit-codes.ts'
import type { ServeFlags } from '../flags.ts'
import type { Std } from '../std.ts'
import { duration } from './values.ts'

/** Returns the command that runs the daemon. `onExit` gets the exit code. */
export function serveCommand(onExit: (code: number) => void, std: Std): Command {
  return new Command('serve')
    .description('Runs a fleet of agents and its HTTP gateway, from a config file, until SIGTERM.')
    .option('--config <file>', 'the config file, in YAML or JSON')
    .option('--listen <address>', 'host:port or unix:/path (default: as the file says, else 127.0.0.1:7420)')
    .addOption(
      new Option('--socket-mode <mode>', 'mode of the socket of unix:/path (default: 0600)').choices([
        '0600',
        '0660',
      ] as const),
    )
    .option('--drain-ms <ms>', 'time for running turns to end after SIGTERM', duration, 30_000)
    .option('--insecure-no-auth', 'serve every caller without a token; on loopback or a socket only')
    .addOption(
      new Option('--log-level <level>', 'least level of the log on stderr')
        .choices(['debug', 'info', 'warn', 'error'] as const)
        .default('info'),
    )
    .option('--json', 'write the log as JSON, one object per line')
    .option('--check', 'check the config file, and start nothing')
    .option('--print-schema', 'print the JSON Schema of the config file, for editors')
    .option('--demo', 'show two agents with a scripted model, without a config file and without a key')
    .addHelpText('after', serveExitCodeHelp)
    .action(async (flags: ServeFlags) => {
      const { serve } = await import('../serve/serve.ts')
      onExit(await serve(flags, std))
    })
}
