import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import { Note } from '../../parts/note.tsx'
import { Button } from '../../parts/button.tsx'
import type { Choice } from './choice.ts'
import type { AnswerFacts } from './inert.ts'
import type { SentAnswer } from './outcome.ts'
import { useAnswering } from './use-answering.ts'

const buttonKinds = { once: 'primary', answers: 'primary', always: 'plain', reject: 'danger' } as const

/** Keeps a key that is held down from a button: it was pressed for something else. */
const ignoreHeld = (event: KeyboardEvent): void => {
  if (event.repeat && event.key !== 'Tab') event.preventDefault()
}

/** Answer buttons of a request, which do nothing until the person can know what the answer means. */
export function AnswerBar({
  id,
  facts,
  sent,
  choices,
  scope,
  children,
}: {
  id: string
  facts: Omit<AnswerFacts, 'restedMs'>
  sent: SentAnswer | undefined
  choices: readonly Choice[]
  /** Reach of the answers, in words. */
  scope: string
  children?: ComponentChildren
}) {
  const bar = useRef<HTMLDivElement>(null)
  const { isInert, words, pressDown, press } = useAnswering(id, bar, facts)
  const wordsId = `request-words-${id}`
  return (
    <div class="approvals-answers" role="group" aria-label="Answer" ref={bar} onPointerDown={pressDown}>
      <div class="approvals-buttons" onKeyDown={ignoreHeld}>
        {choices.map((choice) => (
          <Button
            key={choice.kind}
            kind={buttonKinds[choice.kind]}
            data-answer={choice.kind}
            disabled={isInert || choice.isIncomplete === true}
            aria-describedby={wordsId}
            onClick={(event) => press(choice, event)}
          >
            {choice.name}
          </Button>
        ))}
      </div>
      {children}
      <div class="approvals-words" id={wordsId} data-inert={words !== undefined}>
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
    <Note tone="bad">
      {text} {detail}
    </Note>
  )
}
