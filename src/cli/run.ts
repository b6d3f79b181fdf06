import { drive } from './drive.ts'
import { exitCode } from './exit-codes.ts'
import { keyFrom, serverOptions, turnInput, type RunFlags } from './flags.ts'
import { Output } from './output.ts'
import { readAttachments, readPrompt } from './prompt.ts'
import { Screen } from './screen.ts'
import { View } from './view.ts'

/**
 * `opencode-runtime run`: one turn, its answer on stdout, everything else on stderr. Resolves with the exit code.
 * @throws UsageError for a missing key, no prompt, or flags that are no good.
 */
export async function run(prompt: string | undefined, flags: RunFlags): Promise<number> {
  const key = keyFrom(process.env)
  const text = await readPrompt(prompt, process.stdin)
  const attachments = await readAttachments(flags.attach)
  const reader = new AbortController()
  const screen = new Screen(new Output(process.stdout, () => reader.abort()), new Output(process.stderr))
  const view = new View(screen, {
    mode: flags.json === true ? 'json' : 'text',
    quiet: flags.quiet === true,
    permission: flags.permission,
  })
  const options = serverOptions(flags, key, attachments)
  const outcome = await drive(options, turnInput(text, flags, attachments), view, reader.signal)
  await screen.finish()
  if (outcome.exitCode === exitCode.serverFailed) await showLog(screen, outcome.logTail)
  const { sessionId } = outcome
  if (sessionId !== undefined && flags.quiet !== true)
    await screen.line(screen.paint('dim', `To go on: --session ${sessionId}`))
  return outcome.exitCode
}

/** What a server wrote before it died: often the only explanation. */
async function showLog(screen: Screen, tail: string): Promise<void> {
  for (const line of tail.split('\n').filter((text) => text.trim() !== ''))
    await screen.line(screen.paint('dim', `  │ ${line}`))
}
