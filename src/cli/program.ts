import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { packageVersion } from '../package-version.ts'
import { doctorExitCodeHelp, exitCode, exitCodeHelp, UsageError } from './exit-codes.ts'
import type { GraphFlags } from './graph.ts'
import { keyVariable, type DemoFlags, type DoctorFlags, type RunFlags } from './flags.ts'
import { Std } from './std.ts'

/**
 * Runs the command line. Resolves with the exit code, and never rejects.
 * Each command imports its modules when it runs, so that `--help` loads only commander. `--version` alone is
 * answered before this module is loaded.
 */
export async function main(argv: readonly string[], std = new Std()): Promise<number> {
  return std.finish(await runCommandLine(argv, std))
}

async function runCommandLine(argv: readonly string[], std: Std): Promise<number> {
  const result: { code: number } = { code: exitCode.final }
  try {
    await createProgram((code) => (result.code = code), std).parseAsync(argv)
    return result.code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.final : exitCode.usage
    void std.err.write(`error: ${error instanceof Error ? error.message : String(error)}\n`)
    return error instanceof UsageError ? exitCode.usage : exitCode.turnFailed
  }
}

/** Returns the program with its commands; `onExit` gets the exit code of the command that ran. */
export function createProgram(onExit: (code: number) => void, std: Std): Command {
  const program = new Command('opencode-runtime')
    .description('Run coding agents on your own host: one turn of an agent on an opencode server.')
    .version(packageVersion() ?? 'unknown', '-V, --version')
    .addHelpText('after', exitCodeHelp)
    .configureOutput({
      writeOut: (text) => void std.out.write(text),
      writeErr: (text) => void std.err.write(text),
      outputError: (text, write) => write(withoutValue(text)),
    })
    .exitOverride()
  program.addCommand(runCommand(onExit, std).copyInheritedSettings(program))
  program.addCommand(demoCommand(onExit, std).copyInheritedSettings(program))
  program.addCommand(doctorCommand(onExit, std).copyInheritedSettings(program))
  program.addCommand(graphCommand(onExit, std).copyInheritedSettings(program))
  return program
}

function runCommand(onExit: (code: number) => void, std: Std): Command {
  return new Command('run')
    .description(`Runs one turn. The proxy's key is read from ${keyVariable}, never from a flag.`)
    .argument('[prompt]', 'what to ask; - or nothing reads it from stdin')
    .requiredOption('--home <dir>', 'the folder that the server owns: its config, data and log')
    .requiredOption('--proxy <url>', 'LiteLLM or any OpenAI-compatible endpoint, up to and including /v1')
    .requiredOption('--model <id>', 'a model behind the proxy')
    .option('--directory <dir>', 'where the agent works (default: HOME_DIR/workspace)')
    .option('--agent <name>', "one of opencode's agents (default: build)")
    .option('--system <text>', "goes before the agent's own system prompt")
    .option('--session <id>', 'continue this session (default: a new one)')
    .option('--trace-id <id>', 'comes back in every reply')
    .option('--deadline-ms <ms>', 'for the whole turn, the start included (default: 1800000)', positive)
    .option('--stall-ms <ms>', 'without progress (default: 300000)', positive)
    .option('--max-retries <n>', 'retries of the provider to accept (default: 3)', count)
    .addOption(
      new Option('--permission <policy>', 'what to answer when the agent asks for a permission')
        .choices(['reject', 'once', 'always'] as const)
        .default('reject'),
    )
    .option('--binary <file>', 'the opencode binary (default: found)')
    .option('--port <n>', "the server's port (default: a free one)", positive)
    .option('--provider-id <id>', 'what the proxy is called in sessions (default: litellm)')
    .option('--attach <file>', 'a file for the prompt; may be given again', collect)
    .option('--json', `${jsonHelp}, and nothing else there`)
    .option('--quiet', 'only errors on stderr')
    .addHelpText('after', exitCodeHelp)
    .action(async (prompt: string | undefined, flags: RunFlags) => {
      const { run } = await import('./run.ts')
      onExit(await run(prompt, flags, std))
    })
}

function demoCommand(onExit: (code: number) => void, std: Std): Command {
  return new Command('demo')
    .description('Shows a turn: the real opencode server, a scripted model, nothing leaves this machine.')
    .argument('[prompt]', 'what to ask; the script answers anything', 'What can you do?')
    .option('--home <dir>', 'the folder that the server owns (default: a new one, removed at the end)')
    .option('--json', `${jsonHelp}, and everything else on stderr`)
    .addHelpText('after', exitCodeHelp)
    .action(async (prompt: string, flags: DemoFlags) => {
      const { demo } = await import('./demo.ts')
      onExit(await demo(prompt, flags, std))
    })
}

function doctorCommand(onExit: (code: number) => void, std: Std): Command {
  return new Command('doctor')
    .description(
      `Looks for what would keep a server from starting or its turns from working, and says what to do about it.\n` +
        `Starts no server and changes nothing. The proxy's key is read from ${keyVariable}.`,
    )
    .option('--home <dir>', 'the folder that the server owns, or would; checks it, its disk, and who uses it')
    .option('--proxy <url>', 'LiteLLM or any OpenAI-compatible endpoint; asks it for its models')
    .option('--model <id>', 'a model that the proxy must have; may be given again', collect)
    .option('--port <n>', 'a port that must be free (default: a free one at each start)', portNumber)
    .option('--hostname <host>', 'where the server would listen', '127.0.0.1')
    .option('--binary <file>', 'the opencode binary (default: found)')
    .option(
      '--directory <dir>',
      'where the agent works (default: HOME_DIR/workspace); checks it for code of its own',
    )
    .option('--json', 'one array of { check, status, finding, advice? } on stdout')
    .addHelpText('after', doctorExitCodeHelp)
    .action(async (flags: DoctorFlags) => {
      const { doctor } = await import('./doctor.ts')
      onExit(await doctor(flags, std))
    })
}

function graphCommand(onExit: (code: number) => void, std: Std): Command {
  return new Command('graph')
    .description("Prints the server's lifecycle as a Mermaid diagram, generated from the machine itself.")
    .option('--all', 'with the states within the states')
    .action(async (flags: GraphFlags) => {
      const { graph } = await import('./graph.ts')
      onExit(graph(flags, std))
    })
}

const jsonHelp = 'reply dicts on stdout, one a line, each with its session_id once that is known'

/** Returns a parser of whole numbers from `least` to `most`. */
const integer =
  (least: number, most = Infinity) =>
  (text: string) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least && value <= most) return value
    const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`
    throw new InvalidArgumentError(`Expected a whole number ${range}.`)
  }
const positive = integer(1)
const count = integer(0)
const portNumber = integer(1, 65_535)

const collect = (file: string, files: readonly string[] = []): string[] => [...files, file]

/** Returns the message without the value of an unknown flag, because the value may be a key. */
const withoutValue = (text: string): string => {
  const masked = text.replace(/(unknown option '--?[\w-]+)=.*'/, "$1=…'")
  return /unknown option '--?[\w-]*key/i.test(text)
    ? `${masked}The key is read from ${keyVariable}.\n`
    : masked
}
