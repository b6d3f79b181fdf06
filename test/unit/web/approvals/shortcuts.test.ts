import { describe, expect, it } from 'vitest'
import { shortcutOf, type PressedKey } from '../../../../web/src/pages/approvals/shortcuts.ts'

const press = (key: string, more: Partial<PressedKey> = {}) =>
  shortcutOf({ key, repeat: false, ctrlKey: false, metaKey: false, altKey: false, isTyping: false, ...more })

describe('shortcutOf', () => {
  it('knows the keys that move and those that choose an answer', () => {
    expect(['j', 'k', 'o', 'l', 'r'].map((key) => press(key))).toEqual([
      'next',
      'previous',
      'once',
      'always',
      'reject',
    ])
  })

  it.each(['Enter', ' ', 'y', 'O', 'toString', 'constructor'])('gives the key %j no effect', (key) => {
    expect(press(key)).toBeUndefined()
  })

  it.each([{ ctrlKey: true }, { metaKey: true }, { altKey: true }, { isTyping: true }, { repeat: true }])(
    'chooses no answer with %j',
    (more) => {
      expect(press('o', more)).toBeUndefined()
    },
  )

  it('goes on to the next request while the key is held', () => {
    expect(press('j', { repeat: true })).toBe('next')
  })
})
