import type { PromptPart } from '../../io/opencode/client.ts'
import { isRejectedLoop, isServerAbort, type Ending } from './reducer/ending.ts'

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
  /** True if the model was asked, so that an abort was not caused by the directory. */
  askedModel: boolean
}

/** Returns whether a turn can go on after an end that the server reports. */
export const mayGoOn = (ending: Ending, { rejection, askedModel }: FollowUpFacts): boolean =>
  isRejectedLoop(ending) ? rejection !== undefined : isServerAbort(ending) && !askedModel

/**
 * Returns the prompt with which a turn goes on.
 *
 * @remarks Observed in opencode: the rejection of `doom_loop` ends the work, also with a message. The prompt
 * is synthetic, so that it belongs to the turn.
 */
export function followUpOf(ending: Ending, { rejection = '' }: FollowUpFacts): FollowUp {
  if (isServerAbort(ending))
    return { parts: undefined, reason: 'opencode aborted the turn before the model was asked' }
  const text = `You called the same tool with the same input three times, and the permission to go on (doom_loop) was rejected: ${rejection}`
  return { parts: [{ type: 'text', text, synthetic: true }], reason: 'the permission doom_loop was rejected' }
}
