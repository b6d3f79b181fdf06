/** Cause of the end of a request. `unknown`: no event has told it. */
export type ClosedBy = 'answer' | 'timeout' | 'turn' | 'unknown'

/** Answer that a person can give. */
export type AnswerKind = 'once' | 'always' | 'reject' | 'answers'

/**
 * Answer of this page. `taken`: the gateway has confirmed it. `late`: the gateway refused it, because the request was
 * closed. `failed`: the request stays open. `lost`: no response came, so that the answer may have been taken.
 */
export interface SentAnswer {
  kind: AnswerKind
  state: 'sending' | 'taken' | 'late' | 'failed' | 'lost'
  /** Message of a failure. */
  detail?: string
}

/** Outcome of a request, in words. */
export interface Outcome {
  tone: 'allowed' | 'rejected' | 'neutral' | 'warning'
  title: string
  detail?: string
}

/**
 * Returns the outcome of a request that is over.
 *
 * @param by - cause of its end; `undefined` until the event of the end has come
 */
export function outcomeOf(by: ClosedBy | undefined, sent?: SentAnswer): Outcome {
  if (sent?.state === 'taken') return ownOutcome(sent.kind)
  if (sent?.state === 'late') return lateOutcome(by, sent.detail)
  if (sent?.state === 'lost' && by === 'answer')
    return {
      tone: 'neutral',
      title: 'Answered',
      detail: `${asked(sent.kind)} may be the answer that counted: the connection was lost.`,
    }
  return otherOutcome(by)
}

function ownOutcome(kind: AnswerKind): Outcome {
  if (kind === 'reject') return { tone: 'rejected', title: 'You rejected it' }
  const titles = {
    once: 'You allowed it once',
    always: 'You allowed it for always',
    answers: 'You answered it',
  }
  return { tone: 'allowed', title: titles[kind] }
}

/** Returns the outcome for a person whose answer came too late. */
function lateOutcome(by: ClosedBy | undefined, problem = ''): Outcome {
  const detail = 'Your answer came later and did not count.'
  if (by === 'timeout') return { tone: 'warning', title: 'Expired', detail }
  if (by === 'turn') return { tone: 'warning', title: 'Its turn has ended', detail }
  if (by === 'answer') return { tone: 'warning', title: 'Another person answered first', detail }
  return {
    tone: 'warning',
    title: 'Closed already',
    detail: problem === '' ? detail : `${detail} ${problem}`,
  }
}

function otherOutcome(by: ClosedBy | undefined): Outcome {
  if (by === 'timeout')
    return { tone: 'warning', title: 'Expired', detail: 'No answer came in time: it was rejected.' }
  if (by === 'turn')
    return { tone: 'neutral', title: 'Its turn has ended', detail: 'No answer is needed any more.' }
  if (by !== 'answer')
    return { tone: 'neutral', title: 'Closed', detail: 'It was closed while this page had no connection.' }
  return {
    tone: 'neutral',
    title: 'Answered elsewhere',
    detail: 'Another person or page answered it, or another answer covered it.',
  }
}

const asked = (kind: AnswerKind): string =>
  ({ once: 'Allow once', always: 'Always allow', reject: 'Reject', answers: 'Your answer' })[kind]
