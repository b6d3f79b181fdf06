import type { CompiledOptions } from '../../config/options.ts'
import type { SystemClock } from '../clock.ts'
import type { Runtime, ServerConnection } from '../runtime.ts'
import { turnDirectory } from '../server/directory-policy.ts'
import { isNetworkError, type TurnCause } from '../turn/refusal.ts'
import { failureOfRequest } from './failure.ts'
import type { Operation, OperationTarget } from './operation.ts'

/** Time that an operation whose server does not answer waits for the report of the server's death, in ms. */
const deathReportMs = 1_000

/** Owner of a run, and the receivers of its end. */
export interface OperationOwner {
  options: CompiledOptions
  runtime: Runtime
  clock: SystemClock
  onEnd: () => void
  /** Reports that the server died, and that the next server can run the operation. */
  onSuspend: () => void
}

/** Run of an admitted operation on one server. */
export class OperationRun {
  readonly #operation: Operation
  readonly #owner: OperationOwner
  readonly #closed = new AbortController()

  constructor(operation: Operation, owner: OperationOwner) {
    this.#operation = operation
    this.#owner = owner
  }

  start(): void {
    const { connection } = this.#owner.runtime
    if (!connection) return this.end({ code: 'server_unavailable', error: 'no server runs' })
    const { limitMs } = this.#operation.work
    const timer = this.#owner.clock.setTimeout(() => this.#timeOut(limitMs), limitMs)
    this.#closed.signal.addEventListener('abort', () => this.#owner.clock.clearTimeout(timer), { once: true })
    this.#run(connection).then(
      (value) => this.#finish(() => this.#operation.succeed(value)),
      (error: unknown) => this.#onError(error),
    )
  }

  /** Suspends an operation that can be repeated, and ends any other operation, because the server is gone. */
  serverGone(cause: TurnCause, mayResume: boolean): void {
    if (this.#closed.signal.aborted) return
    if (!mayResume || !this.#operation.canResume) return this.end(cause)
    this.#closed.abort()
    this.#owner.onSuspend()
  }

  /** Ends the operation for a local reason. */
  end(cause: TurnCause): void {
    this.#finish(() => this.#operation.fail(cause, this.#mask))
  }

  /** Ends the operation immediately, because the actor was stopped from outside. */
  stop(): void {
    this.end({ code: 'cancelled', error: 'the server was shut down' })
  }

  async #run(connection: ServerConnection): Promise<unknown> {
    const { conversation, work } = this.#operation
    if (conversation.sessionId === undefined && work.without) return work.without.value
    const target = await this.#target(connection)
    target.signal.throwIfAborted()
    this.#operation.wasSent = true
    return work.run(target)
  }

  /** Resolves with the session of the operation, which is created or looked up if necessary. */
  async #target(connection: ServerConnection): Promise<OperationTarget> {
    const { conversation, work } = this.#operation
    const { client, policy } = connection
    const { signal } = this.#closed
    const known = { client, connection, signal }
    const { sessionId = '' } = conversation
    // The session's own directory is not loaded, so that the directory need not exist.
    if (work.isOfServer === true || (sessionId !== '' && !work.usesDirectory))
      return { ...known, sessionId, directory: policy.base }
    const terms = { named: turnDirectory(undefined, this.#owner.options), title: 'Untitled', policy }
    const opened = await conversation.open(client, terms, signal)
    const { directory } = conversation
    this.#owner.runtime.joined(conversation)
    if (directory !== undefined) this.#owner.runtime.directories.add(directory)
    return { ...known, sessionId: opened, directory }
  }

  #onError(error: unknown): void {
    if (this.#closed.signal.aborted) return
    const { failure } = this.#operation.work
    const { sessionId } = this.#operation.conversation
    const failed = failureOfRequest(failure, sessionId, error, this.#mask)
    if (!isNetworkError(error)) return this.#finish(() => this.#operation.reject(failed))
    // If the server died, the machine reports that within moments.
    const { clock } = this.#owner
    const timer = clock.setTimeout(() => this.#finish(() => this.#operation.reject(failed)), deathReportMs)
    this.#closed.signal.addEventListener('abort', () => clock.clearTimeout(timer), { once: true })
  }

  #timeOut(limitMs: number): void {
    this.end({ code: 'deadline_exceeded', error: `the server did not answer within ${limitMs} ms` })
  }

  /** Releases the run and ends the operation, unless the run was closed before. */
  #finish(settle: () => void): void {
    if (this.#closed.signal.aborted) return
    this.#closed.abort()
    settle()
    this.#owner.onEnd()
  }

  readonly #mask = (text: string): string => this.#owner.options.secrets.mask(text)
}
