import type { VNode } from 'preact'
import type { Turn } from '../api/types.ts'
import { useNow } from '../live/use-value.ts'
import { duration } from '../words/format.ts'

/** Duration of a turn. A turn that runs reads the clock, so that only this text is drawn each second. */
export function Took({ turn: { created_at: began, ended_at: ended } }: { turn: Turn }): VNode {
  const now = useNow(ended === null)
  return <>{duration((ended === null ? now : Date.parse(ended)) - Date.parse(began))}</>
}
