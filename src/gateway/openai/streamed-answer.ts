import { isTerminal, type TerminalReply } from '../../replies.ts'
import { streamAnswer } from '../http/answers.ts'
import { bytesOf, EventStream } from '../http/event-stream.ts'
import { ProblemError } from '../http/problem.ts'
import { cutOff, headersOf, turnNow, type AnswerTerms } from './answer-terms.ts'
import { ChunkFrames, doneFrame, frame } from './chunks.ts'
import { errorBody } from './failures.ts'
import { turnFailure } from './turn-failure.ts'

/**
 * Time for which the headers of a stream wait for the first reply, in ms. A turn that fails before has a status code; an
 * answer without headers for longer could be given up by a client or a proxy.
 */
const headersAfterMs = 10_000

/**
 * Answers with the turn as it goes on. The headers are sent with the first reply.
 *
 * @param withUsage - true for the usage in a chunk of its own
 * @throws ProblemError for a turn that failed before its first reply
 */
export async function streamedAnswer(terms: AnswerTerms, withUsage: boolean): Promise<Response> {
  const { reading, settled } = terms
  const first = (await reading.begun(headersAfterMs))?.[0]?.reply
  if (reading.signal.aborted) throw await cutOff(terms)
  if (first?.kind === 'error') {
    await settled()
    throw turnFailure(first)
  }
  const turn = await turnNow(terms)
  const frames = new ChunkFrames(turn, withUsage)
  const source = framesOf(terms, frames, turn.sessionId)
  const { body } = new EventStream({
    next: async () => {
      const { done, value } = await source.next()
      return done === true ? undefined : bytesOf(value)
    },
    until: reading.until,
    onEnd: () => reading.end(),
  })
  return streamAnswer(body, 'text/event-stream', headersOf(turn))
}

/** Returns the frames of a turn, in pieces that are sent at once. */
async function* framesOf(
  terms: AnswerTerms,
  frames: ChunkFrames,
  sessionId: string | null,
): AsyncGenerator<string, void> {
  const { reading, settled } = terms
  yield frames.first(sessionId)
  for (let batch = await reading.next(); batch; batch = await reading.next()) {
    const text = batch.map(({ reply }) => frames.of(reply)).join('')
    const last = batch.at(-1)?.reply
    if (!last || !isTerminal(last)) {
      yield text
      continue
    }
    const { end, isWhole } = await endOf(terms, frames, last)
    yield text + end
    await settled()
    // OpenAI's own streams have no [DONE] after an error.
    if (isWhole) yield doneFrame
    return
  }
  yield frame(errorBody(await cutOff(terms)))
}

/** Returns the last frames of a turn: those of its end, or that of its failure. */
async function endOf(
  terms: AnswerTerms,
  frames: ChunkFrames,
  reply: TerminalReply,
): Promise<{ end: string; isWhole: boolean }> {
  const turn = await turnNow(terms)
  try {
    return { end: frames.last(reply, turn), isWhole: true }
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
    return { end: frame(errorBody(error)), isWhole: false }
  }
}
