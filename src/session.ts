import { Lane } from './actors/lane.ts'
import { runtimeOf } from './actors/runtime.ts'
import { ensureRunning } from './ensure-running.ts'
import { sessionSchema } from './option-schema.ts'
import { startTurn, type ServerActorRef, type Turn } from './turn.ts'
import type { TurnInput } from './turn-input.ts'
import { parse } from './validation.ts'

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

/** How long the server may take to delete a session, in ms. */
const deleteTimeoutMs = 30_000

/** A conversation on a server machine, ours or an attached one. */
export class ServerSession implements Session {
  readonly #actor: ServerActorRef
  readonly #lane: Lane

  /** @throws InvalidOptionsError for a bad option. */
  constructor(actor: ServerActorRef, options: SessionOptions) {
    const { sessionId, ...rest } = parse(sessionSchema, options, 'session option')
    this.#actor = actor
    const runtime = runtimeOf(actor.getSnapshot().context.options)
    this.#lane =
      sessionId === undefined
        ? new Lane({ key: crypto.randomUUID(), ...rest })
        : runtime.laneOf(sessionId, rest.directory)
  }

  get id(): Promise<string> {
    const id = this.#open()
    // Whoever asked is told; one that only printed the session is not to be brought down by it.
    id.catch(() => undefined)
    return id
  }

  turn(input: string | TurnInput): Turn {
    return startTurn(this.#actor, input, this.#lane)
  }

  async delete(): Promise<void> {
    if (this.#lane.sessionId === undefined) return
    await ensureRunning(this.#actor)
    const { link } = runtimeOf(this.#actor.getSnapshot().context.options)
    const signal = AbortSignal.timeout(deleteTimeoutMs)
    // A busy session that is deleted goes on, and can no longer be aborted (opencode 1.18.33).
    await link?.client.abort(this.#lane.sessionId, signal)
    await link?.client.deleteSession(this.#lane.sessionId, signal)
  }

  async #open(): Promise<string> {
    if (this.#lane.sessionId !== undefined) return this.#lane.sessionId
    await ensureRunning(this.#actor)
    const { context } = this.#actor.getSnapshot()
    const { link } = runtimeOf(context.options)
    if (!link) throw new Error('There is no server')
    const { directory } = context.options.values
    return this.#lane.open(
      link.client,
      { directory, title: 'Untitled', admit: link.admit },
      AbortSignal.timeout(deleteTimeoutMs),
    )
  }
}
