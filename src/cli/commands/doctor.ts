import { Command } from 'commander'
import { doctorExitCodeHelp } from '../exit-codes.ts'
import { keyVariable, type DoctorFlags } from '../flags.ts'
import type { Std } from '../std.ts'
import { collect, portNumber } from './values.ts'

/** Returns the command that finds problems before a start. `onExit` gets the exit code. */
export function doctorCommand(onExit: (code: number) => void, std: Std): Command {
  return new Command('doctor')
    .description(
      `Finds problems that would prevent a start or make turns fail, and gives advice.\n` +
        `Starts no server and changes nothing. The proxy's key is read from ${keyVariable}.`,
    )
    .option('--home <dir>', 'home of the server; checks the folder, its disk, and whether it is in use')
    .option('--proxy <url>', 'LiteLLM or any OpenAI-compatible endpoint; requests its list of models')
    .option('--model <id>', 'a model that the proxy must list; repeatable', collect)
    .option('--port <n>', 'a port that must be free (default: each start chooses a free port)', portNumber)
    .option('--hostname <host>', 'address that the server would listen on', '127.0.0.1')
    .option('--binary <file>', 'the opencode binary (default: searched for)')
    .option(
      '--directory <dir>',
      'working directory of the agent (default: HOME_DIR/workspace); checks it for code that a server would run',
    )
    .option('--json', 'write one array of { check, status, finding, advice? } to stdout')
    .addHelpText('after', doctorExitCodeHelp)
    .action(async (flags: DoctorFlags) => {
      const { doctor } = await import('../doctor.ts')
      onExit(await doctor(flags, std))
    })
}
