import { byText, put, sorted, type Sorted } from './sorted.ts'

type Stamps = Sorted<string, number>

const none: Stamps = sorted(byText)

const minuteOf = (ms: number): number => Math.floor(ms / 60_000)

/**
 * Stamps of the last admissions of agents or tenants: those of the newest minute with an admission, and of the
 * minute before it. They outlast the entries of an agent, so that leaving and coming back does not put the agent
 * before those that wait for their turn; two minutes are enough, since waiting agents rise by their age.
 */
export interface Recent {
  readonly minute: number
  readonly young: Stamps
  readonly old: Stamps
}

export const noRecent: Recent = { minute: 0, young: none, old: none }

/** Returns the stamp of a name, if the last admission was in this minute or the one before; 0 otherwise. */
export function stampOf({ minute, young, old }: Recent, name: string, now: number): number {
  const age = minuteOf(now) - minute
  if (age > 1) return 0
  return young.get(name) ?? (age === 0 ? old.get(name) : undefined) ?? 0
}

/** Returns the stamps with one more, without those that are too old. */
export function remembering(recent: Recent, name: string, stamp: number, now: number): Recent {
  const minute = minuteOf(now)
  if (minute === recent.minute) return { ...recent, young: put(recent.young, name, stamp) }
  return { minute, young: put(none, name, stamp), old: minute === recent.minute + 1 ? recent.young : none }
}
