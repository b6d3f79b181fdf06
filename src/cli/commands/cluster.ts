import { Command, Option } from 'commander'
import { clusterExitCodeHelp } from '../exit-codes.ts'
import type { NatsConfigFlags } from '../flags.ts'
import type { Std } from '../std.ts'
import { collect } from './values.ts'

/** Returns the commands about a cluster. `onExit` gets the exit code. */
export function clusterCommand(onExit: (code: number) => void, std: Std, program: Command): Command {
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
      const { natsConfig } = await import('../cluster/nats-config.ts')
      onExit(await natsConfig(flags, std))
    })
  return cluster.addCommand(config.copyInheritedSettings(program))
}
