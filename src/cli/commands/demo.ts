import { Command } from 'commander'
import { exitCodeHelp } from '../exit-codes.ts'
import type { DemoFlags } from '../flags.ts'
import type { Std } from '../std.ts'
import { jsonHelp } from './values.ts'

/** Returns the command that shows one turn with a scripted model. `onExit` gets the exit code. */
export function demoCommand(onExit: (code: number) => void, std: Std): Command {
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
        const { demoView } = await import('../demo-view/demo-view.ts')
        onExit(await demoView(flags, std))
        return
      }
      const { demo } = await import('../demo.ts')
      onExit(await demo(prompt, flags, std))
    })
}
