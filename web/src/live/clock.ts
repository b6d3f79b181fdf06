import { signal, type ReadonlySignal } from '@preact/signals'

const time = signal(Date.now())
/** Difference between the gateway's clock and that of the browser, in ms. */
let offset = 0

/** Present time on the gateway's clock, in epoch ms; changes each second while the page is visible. */
export const now: ReadonlySignal<number> = time

const tick = (): void => void (time.value = Date.now() + offset)

/** Sets the clock by a time that the gateway has told just now. Differences of less than a second are those of the way. */
export function setClock(at: number): void {
  const found = at - Date.now()
  if (Math.abs(found - offset) < 1_000) return
  offset = found
  tick()
}

/** Starts the clock of a page. */
export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) tick()
  }, 1_000)
  document.addEventListener('visibilitychange', tick)
  tick()
}
