import type { RefObject } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { sendAnswer } from './answers.ts'
import { inertReason, inertWords, type AnswerFacts } from './inert.ts'
import type { Choice } from './choice.ts'
import { useRest } from './use-rest.ts'
import { firstUnseen } from './use-seen.ts'

/** Buttons of a request, as far as they work. */
export interface Answering {
  isInert: boolean
  /** Sentence that says why the buttons do nothing; absent if they work, or will in a moment. */
  words: string | undefined
  /** Called when a pointer goes down on the buttons. */
  pressDown: () => void
  /** Sends an answer, if the press of its button is meant, and all of what is asked was on the screen. */
  press: (choice: Choice, event: MouseEvent) => void
}

const unseenWords = 'This was not on the screen yet. Look at it, then answer.'

/**
 * Decides if the buttons of a request work.
 *
 * @param id - id of the request
 * @param bar - element that holds the buttons, within the card of the request
 */
export function useAnswering(
  id: string,
  bar: RefObject<HTMLElement | null>,
  facts: Omit<AnswerFacts, 'restedMs'>,
): Answering {
  const rest = useRest(bar)
  const [isMissed, setMissed] = useState(false)
  // A pointer that went down before the buttons worked presses nothing when it comes up.
  const isDown = useRef(false)
  const reason = inertReason({ ...facts, restedMs: rest.restedMs })
  // The buttons may have moved since they were rendered.
  const isReady = () => inertReason({ ...facts, restedMs: rest.measure() }) === undefined
  return {
    isInert: reason !== undefined,
    words: (reason && inertWords[reason]) ?? (isMissed ? unseenWords : undefined),
    pressDown: () => void (isDown.current = isReady()),
    press({ kind, answer }, { detail }) {
      const isByKey = detail === 0
      const isMeant = isByKey || isDown.current
      isDown.current = false
      const card = bar.current?.closest('article')
      if (!isMeant || !isReady() || !card) return
      const unseen = firstUnseen(card)
      setMissed(unseen !== undefined)
      if (unseen) {
        unseen.scrollIntoView({ block: 'center' })
        return
      }
      // The buttons go away.
      card.focus({ preventScroll: true })
      void sendAnswer(id, kind, answer)
    },
  }
}
