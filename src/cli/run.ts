import { drive } from './drive.ts'
import { Shutdown } from './shutdown.ts'
import { exitCode } from './exit-codes.ts'
import { keyFrom, serverOptions, turnInput, type RunFlags } from './flags.ts'
import { readAttachments, readPrompt } from './prompt.ts'
import { Screen } from './screen.ts'
import type { Std } from './std.ts'
import { View } from './view.ts'

/**
 * Runs `opencode-runtime run`: one turn, with the answer on stdout and everything else on stderr. Resolves
 * with the exit code.
 * @throws UsageError if the key or the prompt is missing, or if the flags are invalid.
 */
export async function run(prompt: string | undefined, flags: RunFlags, std: Std): Promise<number> {
  const key = keyFrom(process.env)
  const text = await readPrompt(prompt, process.stdin)
  const attachments = await readAttachments(flags.attach ?? [])
  using shutdown = new Shutdown()
  std.content = 'the answer'
  shutdown.watch(std.out)
  const screen = new Screen(std.out, std.err)
  const quiet = flags.quiet === true
  const view = new View(screen, {
    mode: flags.json === true ? 'json' : 'text',
    quiet,
    permission: flags.permission,
  })
  const input = turnInput(text, flags, attachments)
  const outcome = await drive(serverOptions(flags, key, attachments), input, view, shutdown)
  screen.finish()
  if (outcome.exitCode === exitCode.serverFailed) screen.quote(outcome.logTail)
  if (outcome.sessionId !== undefined && !quiet)
    void screen.line(screen.paint('dim', `Continue with --session ${outcome.sessionId}`))
  return outcome.exitCode
}
