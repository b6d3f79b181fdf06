import type { SchemaInput } from '../../config/schema-input.ts'
import { structuredOutputTool } from '../../io/opencode/structured-output.ts'
import type { FollowUp } from './follow-up.ts'
import type { Ending } from './reducer/ending.ts'
import { isRetryable, safeLine, type Failure, type Mask } from './reducer/failure.ts'

/** Reason why an answer is not accepted. */
export interface Objection {
  /** Sentence for the caller and the model, without a full stop. */
  error: string
  /** Instruction for the model. */
  request: string
}

/**
 * Validates the answer of a turn with `output`. Resolves with the value that the schema returns, or with the
 * objection. Rejects if the schema itself fails.
 *
 * @remarks Observed in opencode: the server takes an answer that does not fit its schema, and ends the work of
 * a model that answers in words.
 */
export async function checkAnswer(
  ending: Ending,
  output: SchemaInput,
): Promise<{ value: unknown } | Objection> {
  if ('failure' in ending || ending.structured === undefined)
    return {
      error: 'The model answered in words, and not with the value that `output` asks for',
      request: `Call the tool ${structuredOutputTool} with your answer.`,
    }
  const checked = await output.validate(ending.structured)
  if ('value' in checked) return checked
  return {
    error: `The answer does not fit the schema: ${checked.issues}`,
    request: `Call the tool ${structuredOutputTool} again, with an answer that fits.`,
  }
}

/** Returns the prompt that asks the model for another answer. It is synthetic, so that it belongs to the turn. */
export const askAgain = ({ error, request }: Objection): FollowUp => ({
  parts: [{ type: 'text', text: `${error}. ${request}`, synthetic: true }],
  reason: error,
})

/** Returns the failure of a turn whose answers never fitted. */
export const neverFitted = ({ error }: Objection, mask: Mask): Failure => ({
  code: 'invalid_output',
  error: safeLine(mask(error)),
  retryable: isRetryable('invalid_output'),
})
