import type { PromptPart } from '../../io/opencode/client.ts'
import { isRejectedLoop, isServerAbort, isStopped, type Ending } from './reducer/ending.ts'

/** Further prompt of a turn, which goes on although opencode has ended its work. */
export interface FollowUp {
  /** Parts of the prompt; `undefined` to send the turn's prompt again. */
  parts: PromptPart[] | undefined
  /** Reason, as the turn's status shows it. */
  reason: string
}

/** Part of an answer of the server that a turn can go on after. */
export interface FollowUpFacts {
  /** Message of the rejected permission `doom_loop`. */
  rejection: string | undefined
  /** Message of a rejected permission that had others beside it, which the server rejects without a message. */
  rejectionOfSeveral: string | undefined
  /** True if the model was asked, so that an abort was not caused by the directory. */
  askedModel: boolean
}

/** Returns whether a turn can go on after an end that the server reports. */
export function mayGoOn(ending: Ending, facts: FollowUpFacts): boolean {
  if (isRejectedLoop(ending)) return facts.rejection !== undefined
  if (isStopped(ending)) return facts.rejectionOfSeveral !== undefined
  return isServerAbort(ending) && !facts.askedModel
}

/**
 * Returns the prompt with which a turn goes on.
 *
 * @remarks Observed in opencode: the rejection of `doom_loop` ends the work, also with a message. The rejection
 * of a permission also rejects those beside it, without its message, which ends the work. The prompt is
 * synthetic, so that it belongs to the turn.
 */
export function followUpOf(ending: Ending, facts: FollowUpFacts): FollowUp {
  const { rejection = '', rejectionOfSeveral = '' } = facts
  if (isServerAbort(ending))
    return { parts: undefined, reason: 'opencode aborted the turn before the model was asked' }
  if (isStopped(ending)) {
    const text = `A permission was rejected, and with it those that you asked for beside it: ${rejectionOfSeveral}`
    return { parts: [{ type: 'text', text, synthetic: true }], reason: 'several permissions were rejected' }
  }
  const text = `You called the same tool with the same input three times, and the permission to go on (doom_loop) was rejected: ${rejection}`
  return { parts: [{ type: 'text', text, synthetic: true }], reason: 'the permission doom_loop was rejected' }
}
