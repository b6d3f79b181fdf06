import { requestIdsOf } from '../../io/opencode/wire.ts'
import type { InputRequest } from '../../replies.ts'
import type { SystemClock } from '../clock.ts'
import type { ServerConnection } from '../runtime.ts'
import type { FollowUpFacts } from './follow-up.ts'
import { answerRequest, endAnswer, type PolicyAnswer } from './request-policy.ts'
import type { TurnRecord } from './turn-record.ts'

/** Time limit of the list of requests after an answer, and of the rejections after the turn's end, in ms. */
const listTimeoutMs = 2_000

/** Parts of an attempt that its requests need. */
interface RequestingAttempt {
  record: TurnRecord
  clock: SystemClock
  connection: ServerConnection
  /** Facts for the decision whether the turn goes on; a rejection is one of them. */
  facts: FollowUpFacts
  /** Aborts when the attempt is closed. */
  closed: AbortSignal
  /** Aborts when the server and its work are gone. */
  serverGone: AbortSignal
  onRequest: (id: string, isOpen: boolean) => void
}

/** Requests of the agent during one attempt: answered by the policy or a caller, or withdrawn at the turn's end. */
export class AttemptRequests {
  readonly #attempt: RequestingAttempt

  constructor(attempt: RequestingAttempt) {
    this.#attempt = attempt
  }

  /** Opens a request, which its policy or a caller answers, until it is closed. Never rejects. */
  async answer(request: InputRequest): Promise<void> {
    const { record, clock, onRequest } = this.#attempt
    const { plan, requests } = record
    onRequest(request.id, true)
    const send = (answer: PolicyAnswer): Promise<void> => this.#send(request, answer)
    const onTaken = (answer: PolicyAnswer): Promise<void> => this.#closeCovered(request, answer)
    await requests.settle(request, { policies: plan, timeoutMs: plan.requestTimeoutMs, clock, send, onTaken })
    onRequest(request.id, false)
  }

  /**
   * Rejects the requests that the turn's end has left open on the server. Never rejects.
   *
   * @remarks Observed in opencode: an abort leaves the requests of a session open. A later answer for always grants them
   * too, and then runs the tools of the aborted turn.
   */
  async withdraw(): Promise<void> {
    const { record, connection, serverGone } = this.#attempt
    const { requests, conversation } = record
    if (serverGone.aborted) return
    const signal = AbortSignal.any([serverGone, AbortSignal.timeout(listTimeoutMs)])
    const rejected = requests.unanswered.map((request) =>
      answerRequest(connection.client, request, endAnswer(request), conversation.directory, signal),
    )
    await Promise.allSettled(rejected)
  }

  async #send(request: InputRequest, answer: PolicyAnswer): Promise<void> {
    const { record, connection, facts } = this.#attempt
    const { requests, conversation } = record
    const hasOthers = requests.beside(request).length > 0
    // Set before the server stops the turn, because the end may come before the response.
    const rejection = 'message' in answer ? answer.message : undefined
    if (request.type === 'permission' && request.permission === 'doom_loop') facts.rejection = rejection
    else if (rejection !== undefined && !request.child && hasOthers) facts.rejectionOfSeveral = rejection
    await answerRequest(connection.client, request, answer, conversation.directory)
  }

  /** Closes the requests beside an answered one that its answer covers; their events may come later than the response. */
  async #closeCovered(request: InputRequest, answer: PolicyAnswer): Promise<void> {
    const { record, connection, closed } = this.#attempt
    const { requests, conversation } = record
    const beside = 'reply' in answer && answer.reply !== 'once' ? requests.beside(request) : []
    if (beside.length === 0) return
    const signal = AbortSignal.any([closed, AbortSignal.timeout(listTimeoutMs)])
    const listed = await connection.client.requests(conversation.directory, signal).catch(() => undefined)
    if (listed) requests.retain(requestIdsOf(listed), beside)
  }
}
