import type { Tone } from '../../words/states.ts'

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
  tone: Tone
  title: string
  detail?: string
}

/** Outcomes of requests that this page did not answer, by the causes of their ends. */
const outcomes: Readonly<Record<ClosedBy, Outcome>> = {
  answer: {
    tone: 'idle',
    title: 'Answered elsewhere',
    detail: 'Another person or page answered it, or another answer covered it.',
  },
  timeout: { tone: 'warn', title: 'Expired', detail: 'No answer came in time: it was rejected.' },
  turn: { tone: 'idle', title: 'Its turn has ended', detail: 'No answer is needed any more.' },
  unknown: { tone: 'idle', title: 'Closed', detail: 'It was closed while this page had no connection.' },
}

/** Titles of the own answers that were taken. */
const ownTitles: Readonly<Record<AnswerKind, string>> = {
  once: 'You allowed it once',
  always: 'You allowed it for always',
  reject: 'You rejected it',
  answers: 'You answered it',
}

/** Titles for a person whose answer came too late, where they differ. */
const lateTitles: Readonly<Partial<Record<ClosedBy, string>>> = {
  answer: 'Another person answered first',
  unknown: 'Closed already',
}

/**
 * Returns the outcome of a request that is over.
 *
 * @param by - cause of its end; `undefined` until the event of the end has come
 */
export function outcomeOf(by: ClosedBy = 'unknown', sent?: SentAnswer): Outcome {
  if (sent?.state === 'taken')
    return { tone: sent.kind === 'reject' ? 'bad' : 'ok', title: ownTitles[sent.kind] }
  if (sent?.state === 'late') {
    const title = lateTitles[by] ?? outcomes[by].title
    return { tone: 'warn', title, detail: 'Your answer came later and did not count.' }
  }
  if (sent?.state === 'lost' && by === 'answer')
    return {
      tone: 'idle',
      title: 'Answered',
      detail: 'Yours may be the answer that counted: the connection was lost.',
    }
  return outcomes[by]
}
