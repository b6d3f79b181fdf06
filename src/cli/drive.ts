import { InvalidOptionsError, ServerExitedError } from '../errors.ts'
import type { Lifecycle } from '../machines/lifecycle.ts'
import type { OpenCodeServerOptions } from '../config/options.ts'
import type { Reply, TerminalReply } from '../replies.ts'
import { OpenCodeServer } from '../api/server.ts'
import type { Turn } from '../api/turn.ts'
import type { TurnInput } from '../api/turn-input.ts'
import type { Asker } from './ask/asker.ts'
import type { Shutdown } from './shutdown.ts'
import { exitCodeOf, UsageError } from './exit-codes.ts'
import { inFlags } from './flags.ts'
import type { View } from './view.ts'

/** Outcome of a turn on the command line. */
export interface Outcome {
  exitCode: number
  last: TerminalReply
  sessionId: string | undefined
  /** Last output of the server, if the server died or did not start; otherwise empty. */
  logTail: string
  /** Time until the server was healthy, in ms; `undefined` if the server was never healthy. */
  startMs: number | undefined
  /** Time from healthy to the last reply, in ms; `undefined` if the server was never healthy. */
  turnMs: number | undefined
}

/**
 * Runs one turn on its own server and shows the turn. Always closes the server before the promise settles.
 * A request to end cancels the turn and stops the server. A forced end kills the server's processes at once.
 * @param asker - asks a person for the answers to requests; `undefined` if the policies answer all
 * @throws UsageError if the options are invalid.
 */
export async function drive(
  options: OpenCodeServerOptions,
  input: TurnInput,
  view: View,
  shutdown: Shutdown,
  asker?: Asker,
): Promise<Outcome> {
  const server = createServer(options)
  const facts = follow(server, view)
  try {
    const turn = server.turn(input)
    applyShutdown(shutdown, turn, server)
    view.session(input.sessionId)
    void turn.sessionId.then((id) => view.session(id))
    turn.status$.subscribe((status) => view.status(status))
    turn.requests$.subscribe((request) => view.request(request))
    // After a request to end, a reader that has stopped reading no longer delays the turn.
    const show = (reply: Reply): Promise<void> => Promise.race([view.reply(reply), shutdown.whenRequested])
    if (asker) await asker.follow(turn, show)
    else for await (const reply of turn) await show(reply)
    const last = await turn.done
    const times = facts.times()
    const sessionId = await turn.sessionId
    await server.close()
    return {
      exitCode: shutdown.exitCode ?? exitCodeOf(last),
      last,
      sessionId,
      logTail: facts.logTail(),
      ...times,
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

function applyShutdown({ requested, forced }: Shutdown, turn: Turn, server: OpenCodeServer): void {
  if (requested.aborted) turn.cancel()
  requested.addEventListener('abort', () => turn.cancel(), { once: true })
  forced.addEventListener('abort', () => server.actor.stop(), { once: true })
}

/** Shows the lifecycle, and records its times and log tail for the outcome. */
function follow(server: OpenCodeServer, view: View) {
  const startedAt = performance.now()
  let healthyAt: number | undefined
  let failure: Lifecycle['error']
  server.lifecycle$.subscribe((lifecycle) => {
    if (lifecycle.state === 'healthy') healthyAt ??= performance.now()
    failure = lifecycle.error ?? failure
    view.lifecycle(lifecycle)
  })
  return {
    times: () => ({
      startMs: healthyAt === undefined ? undefined : healthyAt - startedAt,
      turnMs: healthyAt === undefined ? undefined : performance.now() - healthyAt,
    }),
    logTail: () => {
      const exit = [failure, failure?.cause].find((error) => error instanceof ServerExitedError)
      return exit?.logTail ?? ''
    },
  }
}
