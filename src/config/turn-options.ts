import type { PermissionRequest, QuestionRequest } from '../replies.ts'

type Answer<T> = T | Promise<T>

/**
 * Answer to a permission request: a fixed answer, `'ask'` to wait for `turn.answer()`, or a function that
 * returns one of these.
 *
 * @remarks Every rejection carries a message, so that the model goes on.
 */
export type PermissionPolicy =
  | 'reject'
  | 'once'
  | 'always'
  | 'ask'
  | ((request: PermissionRequest) => Answer<'once' | 'always' | 'reject' | 'ask' | { reject: string }>)

/**
 * Answer to a question: one list of chosen labels per question, a rejection, or `'ask'` to wait for
 * `turn.answer()`.
 */
export type QuestionPolicy =
  'reject' | 'ask' | ((request: QuestionRequest) => Answer<string[][] | 'reject' | 'ask'>)

/** Limits and policies of turns; the server's options are the defaults of each turn. */
export interface TurnDefaults {
  /**
   * Maximum number of turns that run at the same time.
   *
   * @defaultValue 16
   */
  maxConcurrentTurns?: number
  /**
   * Maximum number of turns that wait in the queue; a further turn ends with the code `overloaded`.
   *
   * @defaultValue 1000
   */
  maxQueuedTurns?: number
  /**
   * Time limit of a turn from `turn()` to its terminal reply, in ms.
   *
   * @defaultValue 1_800_000
   */
  turnDeadlineMs?: number
  /**
   * Time limit of a turn without progress, in ms; pending requests, scheduled retries and running tools do
   * not count.
   *
   * @defaultValue 300_000
   */
  turnStallMs?: number
  /**
   * Maximum number of provider retries that a turn accepts.
   *
   * @defaultValue 3
   */
  maxRetries?: number
  /**
   * Time limit of the answer to a request, by `turn.answer()` or by a policy's function, in ms; when the limit
   * passes, the request is rejected.
   *
   * @defaultValue 300_000
   */
  requestTimeoutMs?: number
  /**
   * Maximum size of all attachments of a turn together, in bytes.
   *
   * @defaultValue 20_971_520 (20 MiB)
   */
  maxAttachmentBytes?: number
  /**
   * Size of a turn's replay buffer, in bytes, beyond which old deltas are merged for late subscribers.
   *
   * @defaultValue 16_777_216 (16 MiB)
   */
  maxReplayBytes?: number
  /**
   * Answer to permission requests; `'ask'` lets them wait for `turn.answer()`.
   *
   * @defaultValue `'reject'`
   */
  onPermission?: PermissionPolicy
  /**
   * Answer to questions; `'ask'` lets them wait for `turn.answer()`.
   *
   * @defaultValue `'reject'`
   */
  onQuestion?: QuestionPolicy
}
