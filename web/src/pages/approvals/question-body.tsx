import { useNow } from '../../live/use-value.ts'
import { useRef, useState } from 'preact/hooks'
import { AnswerBar } from './answer-bar.tsx'
import { isOver } from './cards.ts'
import type { BodyProps } from './permission-body.tsx'
import { answeredCount, answersOf, emptyDrafts } from './question-form.ts'
import { QuestionField } from './question-field.tsx'
import type { QuestionRequest } from './request-types.ts'
import { endClass, useSeen } from './use-seen.ts'

/** Questions of a request, their choices, and the answer buttons. */
export function QuestionBody({ card, request }: BodyProps<QuestionRequest>) {
  const { pending, sent } = card
  const { id, questions } = request
  const box = useRef<HTMLDivElement>(null)
  const end = useRef<HTMLSpanElement>(null)
  const [drafts, setDrafts] = useState(() => emptyDrafts(questions))
  const seen = useSeen(box, end)
  const facts = {
    isSending: sent?.state === 'sending',
    isOver: pending.expires_at <= useNow(),
    isLoading: false,
    // Nothing scrolls within the card.
    isRead: true,
    isUntold: false,
  }
  const answered = answeredCount(drafts, questions)
  return (
    <div class="approvals-body" ref={box} data-seen={seen}>
      {questions.map((question, i) => (
        <QuestionField
          key={i}
          name={`${id}-${i}`}
          index={i}
          question={question}
          drafts={drafts}
          isDisabled={isOver(card) || facts.isSending}
          onChange={setDrafts}
        />
      ))}
      <span class={endClass} ref={end} aria-hidden="true" />
      {!isOver(card) && (
        <AnswerBar
          id={id}
          facts={facts}
          sent={sent}
          scope={progressWords(answered, questions.length)}
          choices={[
            {
              kind: 'answers',
              name: 'Send answer',
              answer: { answers: answersOf(drafts, questions) },
              isIncomplete: answered === 0,
            },
            { kind: 'reject', name: 'Reject', answer: { reply: 'reject' } },
          ]}
        />
      )}
    </div>
  )
}

function progressWords(answered: number, all: number): string {
  const rejects = 'Reject dismisses the request, and ends the turn.'
  if (answered === 0) return `Choose or write an answer. ${rejects}`
  if (answered === all) return rejects
  return `${answered} of ${all} questions have an answer; the others are sent without one. ${rejects}`
}
