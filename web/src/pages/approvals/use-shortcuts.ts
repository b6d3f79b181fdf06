import type { RefObject, TargetedKeyboardEvent } from 'preact'
import { useRef } from 'preact/hooks'
import { chosenMs, shortcutOf, type Shortcut } from './shortcuts.ts'

/** Returns the handler of the keys of a list of requests: keys work only while a request has the focus. */
export function useShortcuts(
  list: RefObject<HTMLElement | null>,
): (event: TargetedKeyboardEvent<HTMLElement>) => void {
  const chosen = useRef({ button: undefined as HTMLElement | undefined, at: 0 })
  return (event) => {
    const target = event.target as HTMLElement
    const card = target.closest('article')
    if (!card) return
    if (isPress(event)) return guardPress(event, target, chosen.current)
    if (event.key === 'Escape') return card.focus()
    const shortcut = shortcutOf({ ...keyOf(event), isTyping: target.matches('input, textarea, select') })
    if (shortcut === 'next' || shortcut === 'previous') return move(list.current, card, shortcut)
    const button = shortcut && card.querySelector<HTMLElement>(`[data-answer="${shortcut}"]:enabled`)
    if (button) {
      chosen.current = { button, at: performance.now() }
      button.focus()
    } else if (isChosen(target, chosen.current) && event.key.length === 1) card.focus()
  }
}

interface Chosen {
  button: HTMLElement | undefined
  at: number
}

const keyOf = ({ key, repeat, ctrlKey, metaKey, altKey }: KeyboardEvent) => ({
  key,
  repeat,
  ctrlKey,
  metaKey,
  altKey,
})

const isPress = ({ key }: KeyboardEvent): boolean => key === 'Enter' || key === ' '

const isChosen = (target: HTMLElement, { button }: Chosen): boolean => button === target

/** Keeps a key from a button if the key is held down, or comes at once after the key that chose the button. */
function guardPress(event: KeyboardEvent, target: HTMLElement, chosen: Chosen): void {
  if (!target.matches('[data-answer]')) return
  const isHasty = isChosen(target, chosen) && performance.now() - chosen.at < chosenMs
  if (event.repeat || isHasty) event.preventDefault()
}

function move(list: HTMLElement | null, card: HTMLElement, to: Shortcut): void {
  const cards = [...(list?.querySelectorAll('article') ?? [])]
  const next = cards[cards.indexOf(card) + (to === 'next' ? 1 : -1)]
  next?.focus()
  next?.scrollIntoView({ block: 'nearest' })
}
