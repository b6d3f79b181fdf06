import { InvalidOptionsError } from '../../errors.ts'
import type { SchemaInput } from '../../config/schema-input.ts'
import type { PromptPart } from '../../io/opencode/client.ts'
import { messageOf } from '../../util/messages.ts'
import { followUpOf, mayGoOn, type FollowUp, type FollowUpFacts } from './follow-up.ts'
import { isAnswer, type Ending } from './reducer/ending.ts'
import type { Failure } from './reducer/failure.ts'
import type { TurnCause } from './refusal.ts'
import type { TurnRecord } from './turn-record.ts'
import { askAgain, checkAnswer, neverFitted } from './typed-answer.ts'

/** Attempt whose ends are held back, and the steps that it takes after them. */
export interface HoldingAttempt {
  record: TurnRecord
  mask: (text: string) => string
  /** Returns the end that is held back now. */
  held: () => Ending | undefined
  isClosed: () => boolean
  /** Resolves when no work of the answer runs on the server any more. */
  endWork: () => Promise<void>
  /** Resolves with whether the directory of an aborted turn was healed. */
  heal: () => Promise<boolean>
  /** Ends the turn with the held end, or with a failure instead. */
  release: (failure?: Failure) => void
  /** Sends a further prompt; without parts the turn's own prompt again, after a revert. */
  goOn: (parts: PromptPart[] | undefined, reason: string) => Promise<void>
  /** Receives the local reason that ends the turn. */
  onCause: (cause: TurnCause) => void
  onFailure: (error: unknown) => void
}

/**
 * Ends that the server reports and that the reducer holds back: a typed answer is validated, and after some
 * ends the turn goes on with a further prompt.
 */
export class HeldEnds {
  /** Facts for the decision whether the turn goes on. A step begins when the MCP servers are connected. */
  readonly facts: FollowUpFacts = { rejection: undefined, rejectionOfSeveral: undefined, askedModel: false }
  readonly #attempt: HoldingAttempt
  #isDeciding = false

  constructor(attempt: HoldingAttempt) {
    this.#attempt = attempt
  }

  /** Returns whether an end is held back. */
  holds(ending: Ending): boolean {
    return (this.#output !== undefined && isAnswer(ending)) || this.#mayGoOn(ending)
  }

  /** Decides about the end that is held back now, if any. */
  decide(): void {
    const ending = this.#attempt.held()
    if (!ending || this.#isDeciding || this.#attempt.isClosed()) return
    this.#isDeciding = true
    this.#decideOn(ending)
      .catch((error: unknown) => this.#attempt.onFailure(error))
      .finally(() => {
        this.#isDeciding = false
        // The answer to a further prompt may have ended before the server confirmed the prompt.
        if (this.#attempt.held() !== ending) this.decide()
      })
  }

  get #output(): SchemaInput | undefined {
    return this.#attempt.record.plan.output
  }

  get #hasRetries(): boolean {
    const { followUps, plan } = this.#attempt.record
    return followUps < plan.maxRetries
  }

  /** Returns whether the turn goes on after an end without a check of its answer. */
  #mayGoOn(ending: Ending): boolean {
    return this.#hasRetries && mayGoOn(ending, this.facts)
  }

  /** Decides about an end. Releases the end of an abort if the directory was not broken. */
  async #decideOn(ending: Ending): Promise<void> {
    const { endWork, heal, isClosed, release } = this.#attempt
    if (this.#output && isAnswer(ending) && !this.#mayGoOn(ending)) return this.#check(ending, this.#output)
    const followUp = followUpOf(ending, this.facts)
    this.facts.rejectionOfSeveral = undefined
    await endWork()
    const wasHealed = followUp.parts !== undefined || (await heal())
    if (isClosed()) return
    if (wasHealed) await this.#goOn(followUp)
    else release()
  }

  /** Validates the answer of a turn with `output`: accepts it, asks the model again, or ends the turn. */
  async #check(ending: Ending, output: SchemaInput): Promise<void> {
    const { record, isClosed, mask, onCause, release } = this.#attempt
    const checked = await checkAnswer(ending, output).catch((thrown: unknown) => ({ thrown }))
    if (isClosed()) return
    if ('thrown' in checked) onCause(causeOfSchema(checked.thrown))
    else if ('value' in checked) {
      record.output = checked
      release()
    } else if (this.#hasRetries) await this.#goOn(askAgain(checked))
    else release(neverFitted(checked, mask))
  }

  #goOn({ parts, reason }: FollowUp): Promise<void> {
    return this.#attempt.goOn(parts, reason)
  }
}

/** Returns the end for an error of a schema. The error is not the server's, whatever its code is. */
const causeOfSchema = (thrown: unknown): TurnCause => ({
  code: thrown instanceof InvalidOptionsError ? 'rejected' : 'internal',
  error: messageOf(thrown),
})
