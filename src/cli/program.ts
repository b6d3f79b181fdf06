import { Command, CommanderError } from 'commander'
import { packageVersion } from '../own-package.ts'
import { clusterCommand } from './commands/cluster.ts'
import { demoCommand } from './commands/demo.ts'
import { doctorCommand } from './commands/doctor.ts'
import { fleetCommand } from './commands/fleet.ts'
import { graphCommand } from './commands/graph.ts'
import { runCommand } from './commands/run.ts'
import { serveCommand } from './commands/serve.ts'
import { tokenCommand } from './commands/token.ts'
import { webhookSecretCommand } from './commands/webhook-secret.ts'
import { exitCode, exitCodeHelp, UsageError } from './exit-codes.ts'
import { keyVariable } from './flags.ts'
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
  program.addCommand(fleetCommand(onExit, std, program))
  program.addCommand(serveCommand(onExit, std).copyInheritedSettings(program))
  program.addCommand(tokenCommand(onExit, std, program))
  program.addCommand(webhookSecretCommand(onExit, std).copyInheritedSettings(program))
  program.addCommand(clusterCommand(onExit, std, program))
  program.addCommand(graphCommand(onExit, std).copyInheritedSettings(program))
  return program
}

/** Returns the message without the value of an unknown flag, because the value may be a key. */
const withoutValue = (text: string): string => {
  const masked = text.replace(/(unknown option '--?[\w-]+)=.*'/, "$1=…'")
  return /unknown option '--?[\w-]*key/i.test(text)
    ? `${masked}The key is read from ${keyVariable}.\n`
    : masked
}
