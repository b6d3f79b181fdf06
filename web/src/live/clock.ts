import { signal, type ReadonlySignal } from '@preact/signals-core'

const time = signal(Date.now())
/** Difference between the gateway's clock and that of the browser, in ms. */
let offset = 0

/** Present time on the gateway's clock, in epoch ms; changes each second while the page is visible. */
export const now: ReadonlySignal<number> = time

const tick = (): void => void (time.value = Date.now() + offset)

/** Sets the difference between the clocks. */
export function setClockOffset(found: number): void {
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
