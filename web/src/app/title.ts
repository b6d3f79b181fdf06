import { computed, effect, signal } from '@preact/signals-core'
import { useEffect } from 'preact/hooks'
import { requests } from '../live/store.ts'

const page = signal('Agents')

/** Title of the tab: the number of open requests first, because a tab shows the beginning only. */
const title = computed(() => {
  const { length } = requests.value
  return `${length > 0 ? `(${length}) ` : ''}${page.value} · opencode-runtime`
})

/** Sets the title of the tab while a page is shown. */
export function useTitle(text: string): void {
  useEffect(() => void (page.value = text), [text])
}

/** Keeps the title of the tab up to date. */
export function startTitle(): void {
  effect(() => void (document.title = title.value))
}
