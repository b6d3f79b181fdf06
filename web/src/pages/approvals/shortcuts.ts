/** Effect of a key in a card. Choosing an answer moves the focus to its button only; Enter then presses the button. */
export type Shortcut = 'next' | 'previous' | 'once' | 'always' | 'reject'

/** Key that was pressed. */
export interface PressedKey {
  key: string
  /** True for a key that is held down. */
  repeat: boolean
  ctrlKey: boolean
  metaKey: boolean
  altKey: boolean
  /** True if the key goes into a field of text, or into a choice. */
  isTyping: boolean
}

const keys = new Map<string, Shortcut>([
  ['j', 'next'],
  ['k', 'previous'],
  ['o', 'once'],
  ['l', 'always'],
  ['r', 'reject'],
])

/** Returns the effect of a key; `undefined` for a key with a modifier, a held key, and a key that types. */
export function shortcutOf(pressed: PressedKey): Shortcut | undefined {
  if (pressed.isTyping || pressed.ctrlKey || pressed.metaKey || pressed.altKey) return undefined
  const shortcut = keys.get(pressed.key)
  const moves = shortcut === 'next' || shortcut === 'previous'
  return pressed.repeat && !moves ? undefined : shortcut
}

/** Time for which a button that a key has chosen ignores Enter, so that typed text presses nothing, in ms. */
export const chosenMs = 500
