import type { Asker } from './ask/asker.ts'
import { drive } from './drive.ts'
import { Shutdown } from './shutdown.ts'
import { exitCode } from './exit-codes.ts'
import { asksPerson, checkTerminal, keyFrom, serverOptions, turnInput, type RunFlags } from './flags.ts'
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
  if (asksPerson(flags)) checkTerminal(prompt, process.stdin, std.err)
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
    ...(flags.question !== undefined && { question: flags.question }),
  })
  using asker = asksPerson(flags) ? await askerAt(screen, view) : undefined
  const input = turnInput(text, flags, attachments)
  const outcome = await drive(serverOptions(flags, key, attachments), input, view, shutdown, asker)
  screen.finish()
  if (outcome.exitCode === exitCode.serverFailed) screen.quote(outcome.logTail)
  if (outcome.sessionId !== undefined && !quiet)
    void screen.line(screen.paint('dim', `Continue with --session ${outcome.sessionId}`))
  return outcome.exitCode
}

/**
 * Returns an asker that reads from stdin.
 * The function is separate, because TypeScript 6.0 does not rewrite the specifier of an `import()` in a
 * function with `using`.
 */
async function askerAt(screen: Screen, view: View): Promise<Asker> {
  const [{ Asker }, { TypedLines }] = await Promise.all([import('./ask/asker.ts'), import('./ask/lines.ts')])
  return new Asker(screen, view, new TypedLines(process.stdin))
}
