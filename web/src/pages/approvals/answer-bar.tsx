import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import type { Answer } from '../../api/types.ts'
import { Button } from '../../parts/button.tsx'
import { sendAnswer } from './answers.ts'
import { inertReason, inertWords, type AnswerFacts } from './inert.ts'
import type { AnswerKind, SentAnswer } from './outcome.ts'
import { useRest } from './use-rest.ts'

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
  sent,
  choices,
  focusCard,
  scope,
  children,
}: {
  id: string
  facts: Omit<AnswerFacts, 'restedMs'>
  sent: SentAnswer | undefined
  choices: readonly Choice[]
  focusCard: () => void
  /** Reach of the answers, in words. */
  scope: string
  children?: ComponentChildren
}) {
  const bar = useRef<HTMLDivElement>(null)
  const rest = useRest(bar)
  // A pointer that went down before the buttons worked presses nothing when it comes up.
  const isPressed = useRef(false)
  const reason = inertReason({ ...facts, restedMs: rest.restedMs })
  const words = reason && inertWords[reason]
  const reasonId = `request-reason-${id}`
  // The buttons may have moved since they were rendered.
  const isReady = () => inertReason({ ...facts, restedMs: rest.measure() }) === undefined
  const press = ({ kind, answer }: Choice, { detail }: MouseEvent) => {
    const isByKey = detail === 0
    const isMeant = isByKey || isPressed.current
    isPressed.current = false
    if (!isMeant || !isReady()) return
    focusCard()
    void sendAnswer(id, kind, answer)
  }
  return (
    <div
      class="approvals-answers"
      role="group"
      aria-label="Answer"
      ref={bar}
      onPointerDown={() => void (isPressed.current = isReady())}
    >
      <div class="approvals-buttons">
        {choices.map((choice) => (
          <Button
            key={choice.kind}
            kind={buttonKinds[choice.kind]}
            data-answer={choice.kind}
            disabled={reason !== undefined || choice.isIncomplete === true}
            aria-describedby={reasonId}
            onClick={(event) => press(choice, event)}
          >
            {choice.name}
          </Button>
        ))}
      </div>
      {children}
      <div class="approvals-words" id={reasonId} data-inert={words !== undefined}>
        <p class="approvals-scope">{scope}</p>
        <p class="approvals-reason" role="status">
          {words}
        </p>
      </div>
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
