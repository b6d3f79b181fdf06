import { isTerminal } from '../../replies.ts'
import { json } from '../http/answers.ts'
import { cutOff, headersOf, turnNow, type AnswerTerms } from './answer-terms.ts'
import { WholeAnswer } from './completion.ts'

/**
 * Answers with the whole turn, when it has ended.
 *
 * @throws ProblemError for a turn that failed
 */
export async function wholeAnswer(terms: AnswerTerms): Promise<Response> {
  const { reading, settled } = terms
  const whole = new WholeAnswer()
  for (let batch = await reading.next(); batch; batch = await reading.next())
    for (const { reply } of batch) {
      whole.add(reply)
      if (!isTerminal(reply)) continue
      const ended = await turnNow(terms)
      await settled()
      return json(200, whole.of(reply, ended), headersOf(ended))
    }
  throw await cutOff(terms)
}
