import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { packageVersion } from '../own-package.ts'
import {
  clusterExitCodeHelp,
  doctorExitCodeHelp,
  exitCode,
  exitCodeHelp,
  fleetExitCodeHelp,
  serveExitCodeHelp,
  tokenExitCodeHelp,
  UsageError,
  webhookSecretExitCodeHelp,
} from './exit-codes.ts'
import type { GraphFlags } from './graph.ts'
import {
  keyVariable,
  type DemoFlags,
  type DoctorFlags,
  type FleetStatusFlags,
  type NatsConfigFlags,
  type RunFlags,
  type ServeFlags,
  type TokenCreateFlags,
  type TokenFlags,
  type WebhookSecretFlags,
} from './flags.ts'
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

function runCommand(onExit: (code: number) => void, std: Std): Command {
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
      const { run } = await import('./run.ts')
      onExit(await run(prompt, flags, std))
    })
}

function demoCommand(onExit: (code: number) => void, std: Std): Command {
  return new Command('demo')
    .description(
      'Shows one turn of the real opencode server with a scripted model. Nothing leaves this machine.',
    )
    .argument('[prompt]', 'the prompt; the script answers any prompt', 'What can you do?')
    .option('--home <dir>', 'home of the server (default: a new folder, removed at the end)')
    .option('--json', `${jsonHelp}, and everything else to stderr`)
    .option('--view', 'show three agents in the browser instead, until Ctrl-C')
    .option('--listen <address>', 'address of --view (default: a free port of 127.0.0.1)')
    .option('--no-open', 'print the address of --view only')
    .addHelpText('after', exitCodeHelp)
    .action(async (prompt: string, flags: DemoFlags) => {
      if (flags.view === true) {
        const { demoView } = await import('./demo-view/demo-view.ts')
        onExit(await demoView(flags, std))
        return
      }
      const { demo } = await import('./demo.ts')
      onExit(await demo(prompt, flags, std))
    })
}

function doctorCommand(onExit: (code: number) => void, std: Std): Command {
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
      const { doctor } = await import('./doctor.ts')
      onExit(await doctor(flags, std))
    })
}

function fleetCommand(onExit: (code: number) => void, std: Std, program: Command): Command {
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
      const { fleetStatus } = await import('./fleet/status.ts')
      onExit(await fleetStatus(flags, std))
    })
  return fleet.addCommand(status.copyInheritedSettings(program))
}

function serveCommand(onExit: (code: number) => void, std: Std): Command {
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
      const { serve } = await import('./serve/serve.ts')
      onExit(await serve(flags, std))
    })
}

function tokenCommand(onExit: (code: number) => void, std: Std, program: Command): Command {
  const token = new Command('token')
    .description('Creates, lists and revokes the tokens of the gateway of a fleet.')
    .copyInheritedSettings(program)
  const command = (name: string, description: string) =>
    new Command(name)
      .description(description)
      .requiredOption(
        '--data-dir <dir>',
        'data directory of the fleet: data_dir of the config file, dataDir of a Fleet',
      )
      .addHelpText('after', tokenExitCodeHelp)
      .copyInheritedSettings(program)
  const create = command(
    'create',
    'Creates a token and writes it to stdout, once. The file keeps its hash only.',
  )
    .option('--scope <scope>', 'read, turn, approve or admin; repeatable (default: all four)', collect)
    .option('--agent <id>', 'an agent that the token is for; repeatable (default: all)', collect)
    .option('--tenant <name>', 'the tenant that the token is for (default: all)')
    .option(
      '--expires <time>',
      'end of the token: a duration such as 90d, 12h or 30m, or a time (default: never)',
    )
    .option('--id <id>', 'id of the token, which is not secret (default: a random id)')
    .option('--json', 'write the token and what it is for as one line of JSON to stdout')
    .action(async (flags: TokenCreateFlags) => {
      const { createToken } = await import('./token/token.ts')
      onExit(await createToken(flags, std))
    })
  const list = command('list', 'Lists the tokens: their ids, and what they are for.')
    .option('--json', 'write the tokens as one line of JSON to stdout')
    .action(async (flags: TokenFlags) => {
      const { listTokens } = await import('./token/token.ts')
      onExit(await listTokens(flags, std))
    })
  const revoke = command('revoke', 'Revokes tokens. A gateway that runs refuses them at once.')
    .argument('<id...>', 'ids of tokens')
    .option('--json', 'write the revoked ids as one line of JSON to stdout')
    .action(async (ids: string[], flags: TokenFlags) => {
      const { revokeTokens } = await import('./token/token.ts')
      onExit(await revokeTokens(ids, flags, std))
    })
  return token.addCommand(create).addCommand(list).addCommand(revoke)
}

function webhookSecretCommand(onExit: (code: number) => void, std: Std): Command {
  return new Command('webhook-secret')
    .description(
      'Writes the secret that signs the webhooks of a fleet (host_tools) to stdout. The first call makes the secret.\n' +
        'A fleet with a webhook_secret of its own does not use this secret.',
    )
    .requiredOption('--data-dir <dir>', 'data directory of the fleet (its option dataDir)')
    .option('--replace', 'make a new secret; the former one signs too, until the next replacement')
    .addHelpText('after', webhookSecretExitCodeHelp)
    .action(async (flags: WebhookSecretFlags) => {
      const { webhookSecret } = await import('./webhook-secret.ts')
      onExit(await webhookSecret(flags, std))
    })
}

function clusterCommand(onExit: (code: number) => void, std: Std, program: Command): Command {
  const cluster = new Command('cluster')
    .description('Prepares a cluster: several hosts that share the agents of one fleet.')
    .copyInheritedSettings(program)
  const config = new Command('nats-config')
    .summary('writes the configuration of nats-server for a cluster, and the keys of its users')
    .description(
      'Writes the configuration of nats-server for a cluster: an account for the hosts and the callers of all tenants, and one for each tenant, whose user can only send turns to its own agents and read their replies.\n' +
        'The keys of the users are files in the folder of --keys. Those that exist are kept: run the command again to add a tenant.',
    )
    .requiredOption('--name <name>', 'name of the cluster (option name of joinCluster and connectCluster)')
    .requiredOption('--keys <dir>', 'folder of the keys: hosts.nk, callers.nk, tenant-NAME.nk')
    .option('--tenant <name>', 'a tenant whose callers get a user of their own; repeatable', collect)
    .option('--host <id>', 'a host with a key of its own; repeatable (default: one key for all)', collect)
    .option('--out <file>', 'write to this file, with mode 0600 (default: stdout)')
    .option('--listen <address>', 'host:port for the clients', '127.0.0.1:4222')
    .option(
      '--store-dir <dir>',
      'folder of what is stored (default: of nats-server, in the temporary folder)',
    )
    .option('--tls-cert <file>', 'certificate of the server')
    .option('--tls-key <file>', 'key of the certificate')
    .option('--tls-ca <file>', 'authority of certificates that clients must have too (default: none needed)')
    .addOption(
      new Option(
        '--cipher <name>',
        'encrypt what is stored, with the key of store.env in the folder of --keys',
      ).choices(['aes', 'chachapoly'] as const),
    )
    .option('--server-name <name>', 'name of this server, if there are several')
    .option('--route-listen <address>', 'host:port for the other servers')
    .option('--route <address>', 'host:port of another server; repeatable', collect)
    .option('--route-ca <file>', 'authority of the certificates of the servers (default: that of --tls-ca)')
    .addHelpText('after', clusterExitCodeHelp)
    .action(async (flags: NatsConfigFlags) => {
      const { natsConfig } = await import('./cluster/nats-config.ts')
      onExit(await natsConfig(flags, std))
    })
  return cluster.addCommand(config.copyInheritedSettings(program))
}

function graphCommand(onExit: (code: number) => void, std: Std): Command {
  return new Command('graph')
    .description("Prints the server's lifecycle as a Mermaid diagram, generated from the machine itself.")
    .option('--all', 'include nested states')
    .option('--fleet', "print a fleet's machine instead")
    .action(async (flags: GraphFlags) => {
      const { graph } = await import('./graph.ts')
      onExit(graph(flags, std))
    })
}

const jsonHelp = 'write replies as JSON to stdout, one per line, each with its session_id once known'

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
const duration = integer(0, 2 ** 31 - 1)
const portNumber = integer(1, 65_535)

const collect = (file: string, files: readonly string[] = []): string[] => [...files, file]

/** Returns the message without the value of an unknown flag, because the value may be a key. */
const withoutValue = (text: string): string => {
  const masked = text.replace(/(unknown option '--?[\w-]+)=.*'/, "$1=…'")
  return /unknown option '--?[\w-]*key/i.test(text)
    ? `${masked}The key is read from ${keyVariable}.\n`
    : masked
}
