import { Command, Option } from 'commander'
import { exitCodeHelp } from '../exit-codes.ts'
import { keyVariable, type RunFlags } from '../flags.ts'
import type { Std } from '../std.ts'
import { collect, count, jsonHelp, positive } from './values.ts'

/** Returns the command that runs one turn. `onExit` gets the exit code. */
export function runCommand(onExit: (code: number) => void, std: Std): Command {
  return new Command('run')
    .description(`Runs one turn. The proxy's key is read from ${keyVariable}, never from a flag.`)
    .argument('[prompt]', 'the prompt; if it is - or missing, it is read from stdin')
    .requiredOption('--home <dir>', 'home of the server: its config, data and log')
    .requiredOption('--proxy <url>', 'LiteLLM or any OpenAI-compatible endpoint, up to and including /v1')
    .requiredOption('--model <id>', 'a model that the proxy serves')
    .option('--directory <dir>', 'working directory of the agent (default: HOME_DIR/workspace)')
    .option('--agent <name>', 'an agent of opencode (default: build)')
    .option('--system <text>', "text to put before the agent's own system prompt")
    .option('--session <id>', 'continue this session (default: a new one)')
    .option('--trace-id <id>', 'id that every reply carries')
    .option('--deadline-ms <ms>', 'time limit of the turn, including the start (default: 1800000)', positive)
    .option('--stall-ms <ms>', 'time limit without progress (default: 300000)', positive)
    .option('--max-retries <n>', 'number of provider retries to accept (default: 3)', count)
    .addOption(
      new Option('--permission <policy>', "answer to the agent's permission requests; ask: on the terminal")
        .choices(['reject', 'once', 'always', 'ask'] as const)
        .default('reject'),
    )
    .addOption(
      new Option('--question <policy>', "answer to the agent's questions; ask: on the terminal")
        .choices(['reject', 'ask'] as const)
        .default('reject'),
    )
    .option('--binary <file>', 'the opencode binary (default: searched for)')
    .option('--port <n>', "the server's port (default: a free port)", positive)
    .option('--provider-id <id>', 'id of the proxy in sessions (default: litellm)')
    .option('--attach <file>', 'a file to attach to the prompt; repeatable', collect)
    .option('--json', `${jsonHelp}, and nothing else`)
    .option('--quiet', 'write only errors to stderr')
    .addHelpText('after', exitCodeHelp)
    .action(async (prompt: string | undefined, flags: RunFlags) => {
      const { run } = await import('../run.ts')
      onExit(await run(prompt, flags, std))
    })
}
