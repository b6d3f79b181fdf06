import { signal, type ReadonlySignal } from '@preact/signals-core'
import { api, ApiError } from '../../api/client.ts'
import type { Answer } from '../../api/types.ts'
import type { AnswerKind, SentAnswer } from './outcome.ts'

/** Time after which an answer without a response counts as lost, in ms. */
const responseMs = 30_000

/** Most answers that are remembered. */
const most = 300

const answers = signal<ReadonlyMap<string, SentAnswer>>(new Map())

/** Answers of this page, by the ids of their requests. */
export const sentAnswers: ReadonlySignal<ReadonlyMap<string, SentAnswer>> = answers

/** Sends an answer, unless an answer to the request is on its way or was taken. Never rejects. */
export async function sendAnswer(id: string, kind: AnswerKind, answer: Answer): Promise<void> {
  const state = answers.value.get(id)?.state
  if (state === 'sending' || state === 'taken' || state === 'late') return
  note(id, { kind, state: 'sending' })
  const sent = await api.answer(id, answer, AbortSignal.timeout(responseMs)).then(
    (): SentAnswer => ({ kind, state: 'taken' }),
    (error: unknown): SentAnswer => ({ kind, ...refusalOf(error) }),
  )
  note(id, sent)
}

function note(id: string, sent: SentAnswer): void {
  const next = new Map(answers.value).set(id, sent)
  const [oldest] = next.keys()
  if (next.size > most && oldest !== undefined) next.delete(oldest)
  answers.value = next
}

/** Returns the state of an answer that failed. A request that is gone was closed, as far as a person is concerned. */
export function refusalOf(error: unknown): Pick<SentAnswer, 'state' | 'detail'> {
  if (!(error instanceof ApiError) || error.status === 0)
    return { state: 'lost', detail: 'The gateway did not respond. The answer may have arrived.' }
  const isClosed = error.status === 409 || error.status === 404
  return { state: isClosed ? 'late' : 'failed', detail: error.message }
}
