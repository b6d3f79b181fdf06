import type { OpenCodeClient } from '../../io/opencode/client.ts'
import type { Conversation } from '../turn/conversation.ts'
import type { Mask } from '../turn/reducer/failure.ts'
import type { TurnCause } from '../turn/refusal.ts'
import type { ServerConnection } from '../server/connection.ts'
import { failureOfOperation } from './failure.ts'

/** Session of an operation, and the server that has the session. */
export interface OperationTarget {
  client: OpenCodeClient
  /** Id of the session; empty for an operation of the server. */
  sessionId: string
  /** Directory that requests name: the session's own if the operation uses it, else the server's. */
  directory: string | undefined
  /** Signal that aborts when the operation has ended. */
  signal: AbortSignal
  connection: ServerConnection
  /** Waits for something that has no time limit of its own; the operation's limit begins anew afterwards. */
  withoutLimit: (wait: () => Promise<void>) => Promise<void>
}

/** Work of an operation. */
export interface OperationPlan<T> {
  /** Description for messages: `The history could not be read`. */
  failure: string
  /** Result for a conversation that has no session yet; if absent, the session is created. */
  without?: { value: T }
  /** True for an operation of the server, which concerns no session. */
  isOfServer?: boolean
  /** True if the operation works in the session's directory, so that the directory must exist and be allowed. */
  usesDirectory: boolean
  /** True if the next server may repeat the operation after the death of this server. */
  isRepeatable: boolean
  /** Time limit of the requests, in ms. */
  limitMs: number
  run(target: OperationTarget): Promise<T>
  /** Ends the work of an operation that has ended for a local reason; later entries of the session wait for it. */
  abort?(target: OperationTarget): Promise<void>
}

/**
 * Operation on a session, or on the list of sessions. An operation is an entry of its conversation's order: it runs
 * after the turns that were requested before it, and before the turns that are requested after it.
 */
export class Operation<T = unknown> {
  readonly id = crypto.randomUUID()
  readonly conversation: Conversation
  readonly work: OperationPlan<T>
  /** Limits of the wait: an operation waits for the turns before it, which have deadlines of their own. */
  readonly plan = { deadlineMs: Infinity, signal: undefined }
  readonly deadlineAt = Infinity
  readonly result: Promise<T>
  /** True if a request may have reached a server. */
  wasSent = false
  isDone = false
  #resolve!: (value: T) => void
  #reject!: (error: Error) => void

  constructor(conversation: Conversation, work: OperationPlan<T>) {
    this.conversation = conversation
    this.work = work
    this.result = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Returns whether the next server may run the operation after the death of this server. */
  get canResume(): boolean {
    return !this.isDone && (this.work.isRepeatable || !this.wasSent)
  }

  /** Does nothing: an operation shows no states. */
  setStatus(): void {}

  succeed(value: T): void {
    if (this.isDone) return
    this.isDone = true
    this.#resolve(value)
  }

  /** Ends the operation with an error. An operation that is done does not change. */
  reject(error: Error): void {
    if (this.isDone) return
    this.isDone = true
    this.#reject(error)
  }

  /** Ends the operation for a local reason. */
  fail(cause: TurnCause, mask: Mask): void {
    this.reject(failureOfOperation(this.work.failure, cause, mask))
  }
}
