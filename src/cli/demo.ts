import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ScriptedModel } from '../testing/index.ts'
import { demoScript } from './demo-script.ts'
import { drive, type Outcome } from './drive.ts'
import { Shutdown } from './shutdown.ts'
import { exitCode } from './exit-codes.ts'
import { pathFrom, type DemoFlags } from './flags.ts'
import { Screen } from './screen.ts'
import type { Std } from './std.ts'
import { View } from './view.ts'

/**
 * Runs `opencode-runtime demo`: one turn of the real opencode binary, with a scripted model on loopback.
 * Resolves with the exit code when the model, the server and a temporary home are gone.
 * Writes everything to stdout, unless `json` reserves stdout for the replies.
 */
export async function demo(prompt: string, flags: DemoFlags, std: Std): Promise<number> {
  using shutdown = new Shutdown()
  std.content = 'the turn'
  shutdown.watch(std.out)
  const screen = new Screen(std.out, flags.json === true ? std.err : std.out)
  const view = new View(screen, { mode: flags.json === true ? 'json' : 'show' })
  const outcome = await show(prompt, flags.home, screen, view, shutdown)
  screen.finish()
  void screen.line()
  void screen.line(summary(outcome, view, screen))
  if (outcome.exitCode === exitCode.serverFailed) screen.quote(outcome.logTail)
  return outcome.exitCode
}

async function show(
  prompt: string,
  givenHome: string | undefined,
  screen: Screen,
  view: View,
  shutdown: Shutdown,
): Promise<Outcome> {
  const apiKey = randomBytes(16).toString('hex')
  await using model = await startModel(prompt, apiKey)
  await using owned = await homeFor(givenHome)
  introduce(screen, prompt, model.baseURL, owned.home, givenHome === undefined)
  const options = {
    home: owned.home,
    proxy: { baseURL: model.baseURL, apiKey },
    models: [{ id: 'scripted', name: 'Scripted model', cost: { input: 2, output: 8, cacheRead: 0.2 } }],
    maxRestarts: 1,
  }
  return await drive(options, { text: prompt, traceId: 'demo' }, view, shutdown)
}

/**
 * Starts the scripted model. Only this function loads the test kit.
 * The function is separate, because TypeScript 6.0 does not rewrite the specifier of an `import()` in a
 * function with `using`.
 * @throws if aimock is missing; the message says what to install.
 */
async function startModel(prompt: string, apiKey: string): Promise<ScriptedModel> {
  const { startScriptedModel } = await import('../testing/index.ts')
  return startScriptedModel(demoScript(prompt), { apiKey })
}

/** Returns the given home, which stays, or a new home, which is removed on disposal. */
async function homeFor(givenHome: string | undefined): Promise<AsyncDisposable & { home: string }> {
  if (givenHome !== undefined)
    return { home: pathFrom('--home', givenHome), [Symbol.asyncDispose]: () => Promise.resolve() }
  const home = await mkdtemp(join(tmpdir(), 'opencode-runtime-demo-'))
  const remove = () => rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  return { home, [Symbol.asyncDispose]: remove }
}

function introduce(screen: Screen, prompt: string, model: string, home: string, isTemporary: boolean): void {
  const { paint } = screen
  const facts = [
    ['prompt', prompt.trim().replace(/\s+/g, ' ')],
    ['model', `scripted, at ${model}`],
    ['home', isTemporary ? `${home} (removed at the end)` : home],
  ]
  void screen.line(
    `${paint('bold', 'opencode-runtime demo')}  ${paint('dim', 'a real opencode server, a scripted model')}`,
  )
  void screen.line()
  for (const [name = '', value = ''] of facts) void screen.line(`  ${paint('dim', name.padEnd(8))}${value}`)
  void screen.line()
}

/** Returns the summary of the demo, in one line. */
function summary(
  { last, startMs, turnMs, exitCode: code }: Outcome,
  { counts }: View,
  { paint }: Screen,
): string {
  const seconds = (ms: number | undefined): string => `${((ms ?? 0) / 1000).toFixed(1)} s`
  if (last.kind === 'error') return paint('red', `✘ The turn ended with ${last.code}, exit code ${code}.`)
  const replies = [
    `${counts.reasoning} reasoning`,
    `${counts.tool_call} tool_call`,
    `${counts.tool_result} tool_result`,
    `${counts.delta} delta`,
    `${counts.final} final`,
  ].join(', ')
  return `${paint(['bold', 'green'], '✔ Done.')} Server up in ${seconds(startMs)}, turn in ${seconds(turnMs)}: ${replies}. Nothing is left running.`
}
