import type { CompiledOptions } from '../../config/options.ts'
import type { SystemClock } from '../clock.ts'
import type { Runtime, ServerConnection } from '../runtime.ts'
import { turnDirectory } from '../server/directory-policy.ts'
import { isNetworkError, type TurnCause } from '../turn/refusal.ts'
import { failureOfRequest } from './failure.ts'
import type { Operation, OperationTarget } from './operation.ts'

/** Time that an operation whose server does not answer waits for the report of the server's death, in ms. */
const deathReportMs = 1_000

/** Time limit for the end of an operation's work, in ms. */
const abortMs = 30_000

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
  #timer: unknown
  /** Session and server of the work, when the work has begun. */
  #target: OperationTarget | undefined

  constructor(operation: Operation, owner: OperationOwner) {
    this.#operation = operation
    this.#owner = owner
  }

  start(): void {
    const { connection } = this.#owner.runtime
    if (!connection) return this.end({ code: 'server_unavailable', error: 'no server runs' })
    this.#beginLimit()
    this.#run(connection).then(
      (value) => this.#finish(() => this.#operation.succeed(value)),
      (error: unknown) => this.#onError(error),
    )
  }

  /** Suspends an operation that can be repeated, and ends any other operation, because the server is gone. */
  serverGone(cause: TurnCause, mayResume: boolean): void {
    if (this.#isClosed()) return
    if (!mayResume || !this.#operation.canResume) return this.#end(cause)
    this.#close()
    this.#owner.onSuspend()
  }

  /** Ends the operation for a local reason, and ends its work on the server before the session's next entry begins. */
  end(cause: TurnCause): void {
    const { work } = this.#operation
    if (this.#isClosed()) return
    if (!this.#target || !work.abort) return this.#end(cause)
    this.#close()
    this.#operation.fail(cause, this.#mask)
    const target = { ...this.#target, signal: AbortSignal.timeout(abortMs) }
    work.abort(target).then(this.#owner.onEnd, this.#owner.onEnd)
  }

  /** Ends the operation immediately, because the actor was stopped from outside. */
  stop(): void {
    this.#end({ code: 'cancelled', error: 'the server was shut down' })
  }

  #end(cause: TurnCause): void {
    this.#finish(() => this.#operation.fail(cause, this.#mask))
  }

  async #run(connection: ServerConnection): Promise<unknown> {
    const { conversation, work } = this.#operation
    if (conversation.sessionId === undefined && work.without) return work.without.value
    const target = await this.#open(connection)
    target.signal.throwIfAborted()
    this.#target = target
    this.#operation.wasSent = true
    return work.run(target)
  }

  /** Resolves with the session of the operation, which is created or looked up if necessary. */
  async #open(connection: ServerConnection): Promise<OperationTarget> {
    const { conversation, work } = this.#operation
    const { client, policy } = connection
    const { signal } = this.#closed
    const known = { client, connection, signal, withoutLimit: this.#withoutLimit }
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
    if (this.#isClosed()) return
    const { conversation, work } = this.#operation
    const failed = failureOfRequest(work.failure, conversation.sessionId, error, this.#mask)
    const reject = (): void => this.#finish(() => this.#operation.reject(failed))
    if (!isNetworkError(error)) return reject()
    // If the server died, the machine reports that within moments.
    this.#setTimer(reject, deathReportMs)
  }

  #beginLimit(): void {
    const { limitMs } = this.#operation.work
    const error = `the server did not answer within ${limitMs} ms`
    this.#setTimer(() => this.end({ code: 'deadline_exceeded', error }), limitMs)
  }

  readonly #withoutLimit = async (wait: () => Promise<void>): Promise<void> => {
    this.#owner.clock.clearTimeout(this.#timer)
    await wait()
    if (!this.#isClosed()) this.#beginLimit()
  }

  #setTimer(act: () => void, ms: number): void {
    this.#owner.clock.clearTimeout(this.#timer)
    this.#timer = this.#owner.clock.setTimeout(act, ms)
  }

  #isClosed(): boolean {
    return this.#closed.signal.aborted
  }

  #close(): void {
    this.#owner.clock.clearTimeout(this.#timer)
    this.#closed.abort()
  }

  /** Releases the run and ends the operation, unless the run was closed before. */
  #finish(settle: () => void): void {
    if (this.#isClosed()) return
    this.#close()
    settle()
    this.#owner.onEnd()
  }

  readonly #mask = (text: string): string => this.#owner.options.secrets.mask(text)
}
