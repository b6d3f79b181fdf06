import type { OpencodeClient } from '#opencode-sdk'
import type { Observable } from 'rxjs'
import { createActor, type Actor, type ActorOptions } from 'xstate'
import { loadPreparation } from '../actors/server/prepare.ts'
import { runtimeOf, type Runtime } from '../actors/runtime.ts'
import type { SessionInfo } from '../io/opencode/session-wire.ts'
import { coldTurn } from './cold-turn.ts'
import { ensureRunning, type EnsureRunningOptions } from './ensure-running.ts'
import { lifecycle$ } from './lifecycle.ts'
import type { Lifecycle } from '../machines/lifecycle.ts'
import { serverMachine } from './server-machine.ts'
import { compileOptions, type OpenCodeServerOptions, type ReconfigureOptions } from '../config/options.ts'
import type { InferOutput, ObjectSchema } from '../config/schema-types.ts'
import { listSessions, type ListSessionsOptions } from './list-sessions.ts'
import { reconfigure } from './reconfigure.ts'
import type { Reply } from '../replies.ts'
import { sdkClient } from './sdk-client.ts'
import { openSession, type Session, type SessionOptions } from './session.ts'
import { endServer, stopServer, type StopOptions } from './stop-server.ts'
import { startTurn, type Turn } from './turn.ts'
import type { TurnInput } from './turn-input.ts'

/** Options of the actor system of an `OpenCodeServer`, passed to XState's `createActor`. */
export interface ActorSystemOptions {
  /**
   * Clock of all timing, such as `virtualTime()` of the test kit.
   *
   * @defaultValue the clock of the process
   */
  clock?: NonNullable<ActorOptions<typeof serverMachine>['clock']>
  /**
   * Receiver of inspection events of the server and of its actors, such as Stately's inspector.
   *
   * @defaultValue no inspection
   */
  inspect?: NonNullable<ActorOptions<typeof serverMachine>['inspect']>
}

/**
 * Managed `opencode serve` process and the turns on it. The process starts on first need.
 *
 * @example
 * import { OpenCodeServer } from 'opencode-runtime'
 *
 * await using server = new OpenCodeServer({
 *   home: '/srv/agents/a1',
 *   proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: process.env['AGENT_KEY'] ?? '' },
 *   models: ['gpt-4o'],
 * })
 * const turn = server.turn('Say hello')
 * turn.replies$.subscribe((reply) => console.log(reply))
 * await turn.done
 */
export class OpenCodeServer implements AsyncDisposable {
  readonly #actor: Actor<typeof serverMachine>

  /**
   * Creates a server; starts no process.
   *
   * @param options - The options of the server, and the clock and inspector of its actor system.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) synchronously, for a bad option.
   */
  constructor(options: OpenCodeServerOptions & ActorSystemOptions) {
    // A value that is not an object is left to `compileOptions`, which refuses it.
    const { clock, inspect, ...rest } = Object(options) as Partial<typeof options>
    const given = typeof options === 'object' ? (rest as OpenCodeServerOptions) : options
    this.#actor = createActor(serverMachine, {
      input: compileOptions(given),
      ...(clock && { clock }),
      ...(inspect && { inspect }),
    })
    this.#actor.start()
    // Preloads the code of a start. A load error is ignored here, because the start reports it.
    loadPreparation().catch(() => undefined)
  }

  /** Actor of `serverMachine`, for embedding, inspection and events. */
  get actor(): Actor<typeof serverMachine> {
    return this.#actor
  }

  /** Lifecycle: emits the current value on subscription, then every change. Completes after `close()`. */
  get lifecycle$(): Observable<Lifecycle> {
    return lifecycle$(this.#actor)
  }

  /** Base URL of the running server; `undefined` if no server runs. */
  get baseURL(): string | undefined {
    return this.#actor.getSnapshot().context.baseURL
  }

  /** Pid of the server's process; `undefined` if no process runs. */
  get pid(): number | undefined {
    return this.#actor.getSnapshot().context.pid
  }

  /**
   * Basic auth password of the running server; `undefined` if no server runs or the server has no password.
   */
  get password(): string | undefined {
    return this.pid === undefined ? undefined : this.#runtime.plan?.password
  }

  /**
   * Returns whether this instance's child process is alive.
   *
   * @returns `true` from the spawn until the exit of the process.
   */
  isRunning(): boolean {
    return this.pid !== undefined
  }

  /**
   * Writes the config file (0600, in a folder of 0700) atomically and idempotently.
   *
   * @returns The path of the file.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the home cannot be written.
   * @throws HomeLockedError (`ERR_OPENCODE_HOME_LOCKED`) if another host uses the home.
   * @throws HostFaultError (`ERR_OPENCODE_HOST_FAULT`) if the host cannot write at the moment.
   */
  async writeConfig(): Promise<string> {
    const { writeConfig } = await loadPreparation()
    return writeConfig(this.#actor.getSnapshot().context)
  }

  /**
   * Starts the server if necessary. Resolves when the server is healthy.
   *
   * @param options - Deadline and abort signal of the wait.
   * @throws OpenCodeRuntimeError Subclasses and codes: see {@link ensureRunning}.
   */
  ensureRunning(options?: EnsureRunningOptions): Promise<void> {
    return ensureRunning(this.#actor, options)
  }

  /**
   * Applies a new configuration: restarts the server when running turns have finished. Sessions keep their
   * ids.
   *
   * @param patch - The options to change.
   * @throws OpenCodeRuntimeError Subclasses and codes: see {@link reconfigure}.
   *
   * @example
   * await server.reconfigure({ proxy: { apiKey: process.env['NEW_AGENT_KEY'] ?? '' } })
   */
  reconfigure(patch: ReconfigureOptions): Promise<void> {
    return reconfigure(this.#actor, patch)
  }

  /**
   * Runs a turn, and starts the server if necessary. Never throws: a failure becomes the turn's single
   * `error` reply.
   *
   * @param input - The prompt, or all fields of the turn.
   * @returns The handle of the turn.
   */
  turn<S extends ObjectSchema | undefined = undefined>(input: string | TurnInput<S>): Turn<InferOutput<S>> {
    return startTurn(this.#actor, input)
  }

  /**
   * Returns a cold observable: each subscription runs a turn, and unsubscribing cancels it.
   *
   * @param input - The prompt, or all fields of the turn.
   * @returns The replies of a turn per subscription. Never errors.
   */
  turn$(input: string | TurnInput): Observable<Reply> {
    return coldTurn(() => this.turn(input))
  }

  /**
   * Opens a conversation, new or continued.
   *
   * @param options - The session to continue, or properties of a new session.
   * @returns The conversation. No request is sent before first use.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option.
   */
  session(options: SessionOptions = {}): Session {
    return openSession(this.#actor, options)
  }

  /**
   * Lists the sessions of the server, and starts the server if necessary.
   *
   * @param options - Number of sessions, text of the titles, and beginning of the list.
   * @returns The sessions of all directories, the latest changed first, without sessions of subagents.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option.
   * @throws SessionNotFoundError (`ERR_OPENCODE_SESSION_NOT_FOUND`) if the session `before` does not exist.
   * @throws OpenCodeRuntimeError if the server does not start, dies, or refuses. Codes: see {@link ensureRunning}.
   */
  sessions(options?: ListSessionsOptions): Promise<SessionInfo[]> {
    return listSessions(this.#actor, options)
  }

  /**
   * Returns a client of the official SDK that is connected to the server, for what this package does not offer. Starts
   * the server if necessary. Needs the optional package `@opencode-ai/sdk`, whose types the client has. The next start
   * has another port and password, so call `client()` anew after a restart; the call is cheap.
   *
   * @returns The client. Its requests name the directory of the server, unless they name another.
   * @throws OpenCodeRuntimeError (`ERR_OPENCODE_RUNTIME`) if `@opencode-ai/sdk` is not installed.
   * @throws OpenCodeRuntimeError if the server does not start. Subclasses and codes: see {@link ensureRunning}.
   */
  client(): Promise<OpencodeClient> {
    return sdkClient(this.#actor)
  }

  /**
   * Stops the server and every process that it started. Running turns end with `cancelled`. Does nothing if
   * no server runs.
   *
   * @param options - Time for running turns to finish.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option, before any change.
   */
  stop(options?: StopOptions): Promise<void> {
    return stopServer(this.#actor, options)
  }

  /**
   * Stops the server and releases all resources: `lifecycle$` completes, and later turns end with
   * `cancelled`.
   */
  async close(): Promise<void> {
    if (this.#actor.getSnapshot().status === 'active') {
      await endServer(this.#actor)
      // Stops synchronously, so that queued work cannot restart the server.
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
