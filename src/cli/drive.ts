import { InvalidOptionsError, ServerExitedError, type OpenCodeRuntimeError } from '../errors.ts'
import type { OpenCodeServerOptions } from '../options.ts'
import type { TerminalReply } from '../replies.ts'
import { OpenCodeServer } from '../server.ts'
import type { TurnInput } from '../turn-input.ts'
import { exitCode, exitCodeOf, UsageError } from './exit-codes.ts'
import { inFlags } from './flags.ts'
import { onEndSignals, type EndSignal } from './signals.ts'
import type { View } from './view.ts'

/** How a turn of the command line ended. */
export interface Outcome {
  exitCode: number
  last: TerminalReply
  sessionId: string | undefined
  /** What the server wrote last, where it died or did not start. */
  logTail: string
  /** From the first moment to healthy, and from there to the last reply; `undefined` where it was never healthy. */
  startMs: number | undefined
  turnMs: number | undefined
}

/**
 * Runs one turn on a server of its own and shows it; whatever happens, the server is gone at the end. The first signal
 * cancels the turn and stops the server, a second one ends its processes at once; so does `readerLeft` as the first.
 * @throws UsageError for options that are no good.
 */
export async function drive(
  options: OpenCodeServerOptions,
  input: TurnInput,
  view: View,
  readerLeft: AbortSignal,
): Promise<Outcome> {
  const server = createServer(options)
  const startedAt = performance.now()
  let healthyAt: number | undefined
  let failure: OpenCodeRuntimeError | undefined
  let signalled: EndSignal | undefined
  server.lifecycle$.subscribe((lifecycle) => {
    if (lifecycle.state === 'healthy') healthyAt ??= performance.now()
    failure = lifecycle.error ?? failure
    view.lifecycle(lifecycle)
  })
  const turn = server.turn(input)
  using _signals = onEndSignals(
    (signal) => {
      signalled = signal
      turn.cancel()
    },
    () => server.actor.stop(),
  )
  readerLeft.addEventListener('abort', () => turn.cancel())
  turn.status$.subscribe((status) => view.status(status))
  turn.requests$.subscribe((request) => view.request(request))
  try {
    for await (const reply of turn) await view.reply(reply)
    const last = await turn.done
    const endedAt = performance.now()
    const sessionId = await turn.sessionId
    await server.close()
    const code = signalled ? exitCode[signalled] : readerLeft.aborted ? exitCode.final : exitCodeOf(last)
    return {
      exitCode: code,
      last,
      sessionId,
      logTail: tailOf(failure),
      startMs: healthyAt === undefined ? undefined : healthyAt - startedAt,
      turnMs: healthyAt === undefined ? undefined : endedAt - healthyAt,
    }
  } finally {
    await server.close()
  }
}

function createServer(options: OpenCodeServerOptions): OpenCodeServer {
  try {
    return new OpenCodeServer(options)
  } catch (error) {
    if (error instanceof InvalidOptionsError) throw new UsageError(inFlags(error.message))
    throw error
  }
}

function tailOf(failure: OpenCodeRuntimeError | undefined): string {
  for (const error of [failure, failure?.cause])
    if (error instanceof ServerExitedError) return error.logTail ?? ''
  return ''
}
