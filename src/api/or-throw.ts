import { map, type OperatorFunction } from 'rxjs'
import { TurnError } from '../errors.ts'
import type { ErrorReply, Reply } from '../replies.ts'

/**
 * Returns an RxJS operator that turns an `error` reply into an error notification, so that `retry` and
 * `catchError` see it. `retry` runs the turn again only on a cold observable (`turn$`): the replies of a `Turn` are
 * those of one turn.
 *
 * @returns The operator. The error is a TurnError, whose `reply` is the `error` reply.
 *
 * @example
 * import { orThrow, TurnError, type OpenCodeServer } from 'opencode-runtime'
 * import { retry, throwError, timer } from 'rxjs'
 *
 * export function printAnswer(server: OpenCodeServer, text: string): void {
 *   const delay = (error: unknown) =>
 *     error instanceof TurnError && error.retryable ? timer(5_000) : throwError(() => error)
 *   const replies$ = server.turn$(text).pipe(orThrow(), retry({ count: 3, delay }))
 *   replies$.subscribe({ next: (reply) => console.log(reply), error: (error) => console.error(error) })
 * }
 */
export function orThrow(): OperatorFunction<Reply, Exclude<Reply, ErrorReply>> {
  return map((reply) => {
    if (reply.kind === 'error') throw new TurnError(reply)
    return reply
  })
}
