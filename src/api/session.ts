import { clockOf, elapse } from '../actors/clock.ts'
import { turnDirectory } from '../actors/server/directory-policy.ts'
import { Lane } from '../actors/turn/lane.ts'
import { runtimeOf, type Link } from '../actors/runtime.ts'
import { ensureRunning } from './ensure-running.ts'
import { OpenCodeRuntimeError, StoppedError } from '../errors.ts'
import { HttpError } from '../io/opencode/client.ts'
import { withoutSecrets } from '../config/masked-error.ts'
import { sessionSchema } from '../config/option-schema.ts'
import { startTurn, type ServerActorRef, type Turn } from './turn.ts'
import type { TurnInput } from './turn-input.ts'
import { parse } from '../config/validation.ts'

/** Which conversation: an existing one by its id, or what a new one is created with. */
export interface SessionOptions {
  sessionId?: string
  /** Default: the first prompt's first line. */
  title?: string
  directory?: string
  agent?: string
}

/** A conversation. Its turns run one after another, in the order of the calls. */
export interface Session {
  /** The session's id; a new session is created on first use, of its id too. Rejects with a typed error where the server cannot start. */
  readonly id: Promise<string>
  turn(input: string | TurnInput): Turn
  /** Ends what it is busy with, and deletes it on the server, child sessions included. */
  delete(): Promise<void>
}

/** How long the server may take to make or delete a session, in ms. */
const requestTimeoutMs = 30_000
/** How often, and after how many ms each, to look whether a server ends that broke off a request. */
const exitLooks = 10
const exitLookMs = 50

/** A conversation on a server machine, ours or an attached one. */
export class ServerSession implements Session {
  readonly #actor: ServerActorRef
  readonly #lane: Lane

  /** @throws InvalidOptionsError for a bad option. */
  constructor(actor: ServerActorRef, options: SessionOptions) {
    const { sessionId, directory, ...rest } = parse(sessionSchema, options, 'session option')
    const named = directory === undefined ? undefined : { input: 'session option directory', directory }
    this.#actor = actor
    const runtime = runtimeOf(actor.getSnapshot().context.runtime)
    this.#lane =
      sessionId === undefined
        ? new Lane({ key: crypto.randomUUID(), named, ...rest })
        : runtime.laneOf(sessionId, named)
  }

  get id(): Promise<string> {
    const id = this.#masked(() => this.#open())
    // Whoever asked is told; one that only printed the session is not to be brought down by it.
    id.catch(() => undefined)
    return id
  }

  turn(input: string | TurnInput): Turn {
    return startTurn(this.#actor, input, this.#lane)
  }

  delete(): Promise<void> {
    return this.#masked(() => this.#delete())
  }

  /** A server may say anything. */
  #masked<T>(work: () => Promise<T>): Promise<T> {
    return withoutSecrets(this.#actor.getSnapshot().context.options.secrets, work)
  }

  async #delete(): Promise<void> {
    const { sessionId } = this.#lane
    if (sessionId === undefined) return
    await this.#onServer((link, signal, tries) =>
      this.#deleteOn(link, sessionId, signal).catch((error: unknown) => {
        // The server before may have done it.
        if (tries === 0 || !(error instanceof HttpError) || error.status !== 404) throw error
      }),
    )
  }

  async #deleteOn(link: Link, sessionId: string, signal: AbortSignal): Promise<void> {
    const { client, policy } = link
    const directory = await this.#lane.locate(client, policy)
    // A busy session that is deleted goes on, and can no longer be aborted (opencode 1.18.33).
    if (await this.#mayRun(link, directory))
      await client.abort(sessionId, this.#lane.directory ?? directory, signal)
    await client.deleteSession(sessionId, policy.base, signal)
  }

  /** Returns whether the session may be busy: in a directory that is not allowed, only if the server works there already. */
  async #mayRun({ policy }: Link, directory: string | undefined): Promise<boolean> {
    const { directories } = runtimeOf(this.#actor.getSnapshot().context.runtime)
    const { directory: used = directory } = this.#lane
    if (used === undefined || directories.has(used)) return true
    return policy.resolve({ input: 'directory of the session', directory: used }).then(
      () => true,
      () => false,
    )
  }

  async #open(): Promise<string> {
    if (this.#lane.sessionId !== undefined) return this.#lane.sessionId
    const named = turnDirectory(undefined, this.#actor.getSnapshot().context.options)
    return this.#onServer(({ client, policy }, signal) =>
      this.#lane.open(client, { named, title: 'Untitled', policy }, signal),
    )
  }

  /**
   * Asks the server something that is no turn, so that nothing waits for it: where the server is replaced, rests or dies in
   * the middle of it, the next one is asked. Rejects with `StoppedError` where it is stopped.
   */
  async #onServer<T>(ask: (link: Link, signal: AbortSignal, tries: number) => Promise<T>): Promise<T> {
    const { runtime, stops } = this.#actor.getSnapshot().context
    const signal = AbortSignal.timeout(requestTimeoutMs)
    for (let tries = 0; ; tries++) {
      await ensureRunning(this.#actor)
      const { link } = runtimeOf(runtime)
      if (!link) throw new Error('There is no server')
      try {
        return await ask(link, signal, tries)
      } catch (error) {
        const isAnswer = error instanceof HttpError || error instanceof OpenCodeRuntimeError
        if (isAnswer || signal.aborted || !(await this.#isGone(link))) throw error
        const { status, context } = this.#actor.getSnapshot()
        if (status !== 'active' || context.stops !== stops)
          throw new StoppedError('The server was stopped before it had answered', { cause: error })
      }
    }
  }

  /** Whether the server that was asked ends, or did: what its connections tell may come before its exit is known. */
  async #isGone({ client }: Link): Promise<boolean> {
    const isGone = (): boolean => {
      const snapshot = this.#actor.getSnapshot()
      return (
        snapshot.status !== 'active' ||
        !snapshot.matches('healthy') ||
        runtimeOf(snapshot.context.runtime).link?.client !== client
      )
    }
    const clock = clockOf(this.#actor.system)
    for (let looks = 0; looks < exitLooks && !isGone(); looks++) await elapse(clock, exitLookMs)
    return isGone()
  }
}

/**
 * A conversation on a server machine, your own or an embedded one, new or continued: what `OpenCodeServer.session` gives.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option.
 *
 * @example
 * const chat = openSession(opencode, { title: 'Ticket 42' })
 * await chat.turn('What does src/index.ts export?').done
 */
export function openSession(actor: ServerActorRef, options: SessionOptions = {}): Session {
  return new ServerSession(actor, options)
}
