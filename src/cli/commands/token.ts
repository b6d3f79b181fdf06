import { Command } from 'commander'
import { tokenExitCodeHelp } from '../exit-codes.ts'
import type { TokenCreateFlags, TokenFlags } from '../flags.ts'
import type { Std } from '../std.ts'
import { collect } from './values.ts'

/** Returns the commands about the tokens of a gateway. `onExit` gets the exit code. */
export function tokenCommand(onExit: (code: number) => void, std: Std, program: Command): Command {
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
      const { createToken } = await import('../token/token.ts')
      onExit(await createToken(flags, std))
    })
  const list = command('list', 'Lists the tokens: their ids, and what they are for.')
    .option('--json', 'write the tokens as one line of JSON to stdout')
    .action(async (flags: TokenFlags) => {
      const { listTokens } = await import('../token/token.ts')
      onExit(await listTokens(flags, std))
    })
  const revoke = command('revoke', 'Revokes tokens. A gateway that runs refuses them at once.')
    .argument('<id...>', 'ids of tokens')
    .option('--json', 'write the revoked ids as one line of JSON to stdout')
    .action(async (ids: string[], flags: TokenFlags) => {
      const { revokeTokens } = await import('../token/token.ts')
      onExit(await revokeTokens(ids, flags, std))
    })
  return token.addCommand(create).addCommand(list).addCommand(revoke)
}
