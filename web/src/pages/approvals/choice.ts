import type { Answer } from '../../api/types.ts'
import type { AnswerKind } from './outcome.ts'

/** Answer that a person may choose. */
export interface Choice {
  kind: AnswerKind
  /** Name of the button. */
  name: string
  answer: Answer
  /** True if this answer is not complete. */
  isIncomplete?: boolean
}
