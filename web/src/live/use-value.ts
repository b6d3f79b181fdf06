import { signal, type ReadonlySignal } from '@preact/signals-core'
import { useEffect, useState } from 'preact/hooks'
import { now } from './clock.ts'

/** Returns the value of a signal, and draws the component again when the value changes. */
export function useValue<T>(signal: ReadonlySignal<T>): T {
  const [, setValue] = useState(() => signal.peek())
  useEffect(() => signal.subscribe((value) => setValue(() => value)), [signal])
  return signal.peek()
}

const still = signal(0)

/** Returns the present time while a component needs it, so that others are not drawn each second; else 0. */
export const useNow = (isNeeded = true): number => useValue(isNeeded ? now : still)
