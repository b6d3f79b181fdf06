import { Observable } from 'rxjs'
import { createActor, type Actor } from 'xstate'
import { loadPreparation } from '../actors/server/prepare.ts'
import { runtimeOf, type Runtime } from '../actors/runtime.ts'
import { ensureRunning, type EnsureRunningOptions } from './ensure-running.ts'
import { lifecycle$, type Lifecycle } from './lifecycle.ts'
import { serverMachine } from '../machines/server-machine.ts'
import { compileOptions, type OpenCodeServerOptions, type ReconfigureOptions } from '../config/options.ts'
import { reconfigure } from './reconfigure.ts'
import type { Reply } from '../replies.ts'
import { ServerSession, type Session, type SessionOptions } from './session.ts'
import { endServer, stopServer, type StopOptions } from './stop-server.ts'
import { startTurn, type Turn } from './turn.ts'
import type { TurnInput } from './turn-input.ts'

/** A turn per subscription; unsubscribing cancels it. */
export const coldTurn = (start: () => Turn): Observable<Reply> =>
  new Observable((subscriber) => {
    const turn = start()
    const subscription = turn.replies$.subscribe(subscriber)
    return () => {
      subscription.unsubscribe()
      turn.cancel()
    }
  })

/**
 * An `opencode serve` process that is kept alive, and the turns on it. Starts nothing until it is needed.
 *
 * @example
 * const server = new OpenCodeServer({ home: '/srv/agents/a1', proxy: { baseURL, apiKey }, models: ['gpt-4o'] })
 * const turn = server.turn('Say hello')
 * turn.replies$.subscribe((reply) => console.log(reply))
 * await turn.done
 * await server.close()
 */
export class OpenCodeServer implements AsyncDisposable {
  readonly #actor: Actor<typeof serverMachine>

  /** @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) at once, for a bad option. */
  constructor(options: OpenCodeServerOptions) {
    this.#actor = createActor(serverMachine, { input: compileOptions(options) })
    this.#runtime.watch(this.#actor)
    this.#actor.start()
    // Whoever makes a server will start it, and is told then of what cannot be loaded.
    loadPreparation().catch(() => undefined)
  }

  /** The actor of `serverMachine`: embed it, inspect it, send it events. */
  get actor(): Actor<typeof serverMachine> {
    return this.#actor
  }

  /** The present lifecycle at once, then every change; completes after `close()`. */
  get lifecycle$(): Observable<Lifecycle> {
    return lifecycle$(this.#actor)
  }

  /** Of the running server; `undefined` while there is none. */
  get baseURL(): string | undefined {
    return this.#actor.getSnapshot().context.baseURL
  }

  /** Of the server's process; `undefined` while there is none. */
  get pid(): number | undefined {
    return this.#actor.getSnapshot().context.pid
  }

  /** Of the running server, for Basic auth; `undefined` while there is none, or where it has none. */
  get password(): string | undefined {
    return this.pid === undefined ? undefined : this.#runtime.plan?.password
  }

  /** Whether our child process is alive. */
  isRunning(): boolean {
    return this.pid !== undefined
  }

  /**
   * Writes the config file (0600, in a folder of 0700; atomic and idempotent) and returns its path.
   * Rejects with `InvalidOptionsError` where the home cannot be written, `HomeLockedError` where another host uses it.
   */
  async writeConfig(): Promise<string> {
    const { writeConfig } = await loadPreparation()
    return writeConfig(this.#actor.getSnapshot().context)
  }

  /** Resolves once the server is healthy; starts it if need be. Rejects with a typed error: see `ensureRunning`. */
  ensureRunning(options?: EnsureRunningOptions): Promise<void> {
    return ensureRunning(this.#actor, options)
  }

  /**
   * Gives the server another configuration, and starts it again with it once running turns have finished; sessions keep their
   * ids. Rejects with a typed error: see `reconfigure`.
   *
   * @example
   * await server.reconfigure({ proxy: { apiKey: newKey } })
   */
  reconfigure(patch: ReconfigureOptions): Promise<void> {
    return reconfigure(this.#actor, patch)
  }

  /** Runs a turn; starts the server if need be. Never throws: whatever fails is the turn's one `error` reply. */
  turn(input: string | TurnInput): Turn {
    return startTurn(this.#actor, input)
  }

  /** The cold form: a turn per subscription; unsubscribing cancels it. */
  turn$(input: string | TurnInput): Observable<Reply> {
    return coldTurn(() => this.turn(input))
  }

  /** A conversation, new or continued. */
  session(options: SessionOptions = {}): Session {
    return new ServerSession(this.#actor, options)
  }

  /** Stops the server and all that it started; turns end with `cancelled`. Safe when not running. */
  stop(options?: StopOptions): Promise<void> {
    return stopServer(this.#actor, options)
  }

  /** Stops, and releases everything: `lifecycle$` completes, later turns are `cancelled`. */
  async close(): Promise<void> {
    if (this.#actor.getSnapshot().status === 'active') {
      await endServer(this.#actor)
      // At once: what was asked for since then starts no other server.
      this.#actor.stop()
    }
    await this.#runtime.preparing
  }

  get #runtime(): Runtime {
    return runtimeOf(this.#actor.getSnapshot().context.runtime)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
