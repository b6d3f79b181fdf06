import { byText, put, sorted, type Sorted } from './sorted.ts'

type Stamps = Sorted<string, number>

const none: Stamps = sorted(byText)

/** Time for which an admission is remembered at least, in ms. */
const rememberedMs = 60_000

/**
 * Stamps of the last admissions of agents or tenants that have left the queue since. A stamp is kept for one to
 * two minutes: long enough that leaving and coming back does not put an agent before those that wait in turn.
 */
export interface Recent {
  readonly since: number
  readonly young: Stamps
  readonly old: Stamps
}

export const noRecent: Recent = { since: 0, young: none, old: none }

/** Returns the stamp of a name; 0 if there is none. */
export const stampOf = ({ young, old }: Recent, name: string): number => young.get(name) ?? old.get(name) ?? 0

/** Returns the stamps with one more, without those that are too old. */
export function remembering(recent: Recent, name: string, stamp: number, now: number): Recent {
  const age = now - recent.since
  if (age < rememberedMs) return { ...recent, young: put(recent.young, name, stamp) }
  return { since: now, young: put(none, name, stamp), old: age < 2 * rememberedMs ? recent.young : none }
}
