import { runtimeOf } from '../actors/runtime.ts'
import { Operation, type OperationPlan } from '../actors/session/operation.ts'
import { Conversation } from '../actors/turn/conversation.ts'
import { withoutSecrets } from '../config/masked-error.ts'
import { StoppedError } from '../errors.ts'
import type { ServerActorRef } from '../machines/server-machine.ts'
import { ensureRunning } from './ensure-running.ts'
import { observeEnd } from './observe-end.ts'

/**
 * Runs an operation on a server machine, which starts the server if necessary. Without a conversation, the operation
 * waits for no turn.
 *
 * @internal
 * @returns The result of the operation; secrets are masked in its error.
 */
export function runOperation<T>(
  actor: ServerActorRef,
  work: OperationPlan<T>,
  conversation = new Conversation({ key: crypto.randomUUID() }),
): Promise<T> {
  const { status, context } = actor.getSnapshot()
  return withoutSecrets(context.options.secrets, () => {
    const runtime = runtimeOf(context.runtime)
    const shared = runtime.current(conversation)
    const isEmpty = shared.sessionId === undefined && shared.turns === 0
    if (isEmpty && work.without) return Promise.resolve(work.without.value)
    if (status !== 'active') throw new StoppedError(`${work.failure}: the server was closed`)
    const operation = new Operation(shared, work)
    observeEnd(actor, runtime)
    runtime.register(operation as Operation)
    const { id: turnId } = operation
    actor.send({ type: 'turn.start', turnId, conversationId: shared.key, isOperation: true })
    if (context.options.values.agent) limitWait(actor, operation as Operation)
    return operation.result
  })
}

/**
 * Ends an operation whose server does not start in time, because no place of the fleet becomes free. The wait for the
 * turns of the session that were requested before has no limit.
 */
function limitWait(actor: ServerActorRef, operation: Operation): void {
  const settled = new AbortController()
  const end = (): void => settled.abort()
  operation.result.then(end, end)
  ensureRunning(actor, { signal: settled.signal }).catch((error: unknown) => {
    if (operation.isDone) return
    operation.reject(error as Error)
    if (actor.getSnapshot().status === 'active') actor.send({ type: 'turn.cancel', turnId: operation.id })
  })
}
