import { Command } from 'commander'
import { webhookSecretExitCodeHelp } from '../exit-codes.ts'
import type { WebhookSecretFlags } from '../flags.ts'
import type { Std } from '../std.ts'

/** Returns the command that writes the secret of webhooks. `onExit` gets the exit code. */
export function webhookSecretCommand(onExit: (code: number) => void, std: Std): Command {
  return new Command('webhook-secret')
    .description(
      'Writes the secret that signs the webhooks of a fleet (host_tools) to stdout. The first call makes the secret.\n' +
        'A fleet with a webhook_secret of its own does not use this secret.',
    )
    .requiredOption('--data-dir <dir>', 'data directory of the fleet (its option dataDir)')
    .option('--replace', 'make a new secret; the former one signs too, until the next replacement')
    .addHelpText('after', webhookSecretExitCodeHelp)
    .action(async (flags: WebhookSecretFlags) => {
      const { webhookSecret } = await import('../webhook-secret.ts')
      onExit(await webhookSecret(flags, std))
    })
}
