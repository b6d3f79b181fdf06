import type { ComponentChildren } from 'preact'
import type { Answer } from '../../api/types.ts'
import { Button } from '../../parts/button.tsx'
import { sendAnswer } from './answers.ts'
import { inertReason, inertWords, type AnswerFacts } from './inert.ts'
import type { AnswerKind, SentAnswer } from './outcome.ts'
import type { Rest } from './use-rest.ts'

/** Answer that a person may choose. */
export interface Choice {
  kind: AnswerKind
  /** Name of the button. */
  name: string
  answer: Answer
  /** True if this answer is not complete. */
  isIncomplete?: boolean
}

const buttonKinds = { once: 'primary', answers: 'primary', always: 'plain', reject: 'danger' } as const

/** Answer buttons of a request, which do nothing until the person can know what the answer means. */
export function AnswerBar({
  id,
  facts,
  rest,
  sent,
  choices,
  focusCard,
  children,
}: {
  id: string
  facts: Omit<AnswerFacts, 'restedMs'>
  rest: Rest
  sent: SentAnswer | undefined
  choices: readonly Choice[]
  focusCard: () => void
  children?: ComponentChildren
}) {
  const reason = inertReason({ ...facts, restedMs: rest.restedMs })
  const reasonId = `request-reason-${id}`
  const press = ({ kind, answer }: Choice) => {
    // The card may have moved since it was rendered.
    if (inertReason({ ...facts, restedMs: rest.measure() }) !== undefined) return
    focusCard()
    void sendAnswer(id, kind, answer)
  }
  return (
    <div class="approvals-answers" role="group" aria-label="Answer">
      <div class="approvals-buttons">
        {choices.map((choice) => (
          <Button
            key={choice.kind}
            kind={buttonKinds[choice.kind]}
            data-answer={choice.kind}
            disabled={reason !== undefined || choice.isIncomplete === true}
            aria-describedby={reasonId}
            onClick={() => press(choice)}
          >
            {choice.name}
          </Button>
        ))}
      </div>
      {children}
      <p class="approvals-reason" id={reasonId} data-reason={reason} role="status">
        {reason !== undefined && inertWords[reason]}
      </p>
      {sent && <Failure sent={sent} />}
    </div>
  )
}

/** Tells that an answer did not arrive, or perhaps did not. */
function Failure({ sent: { state, detail } }: { sent: SentAnswer }) {
  if (state !== 'failed' && state !== 'lost') return null
  const text = state === 'failed' ? 'The answer was refused, and the request is still open.' : ''
  return (
    <p class="approvals-note" data-tone="warning" role="alert">
      {text} {detail}
    </p>
  )
}
