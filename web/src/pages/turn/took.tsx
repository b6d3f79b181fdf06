import type { VNode } from 'preact'
import type { Turn } from '../../api/types.ts'
import { now } from '../../live/store.ts'
import { duration } from '../../words/format.ts'

/** Duration of a turn. A turn that runs reads the clock, so that only this text is drawn each second. */
export function Took({ turn }: { turn: Turn }): VNode {
  const end = turn.ended_at === null ? now.value : Date.parse(turn.ended_at)
  return <>{duration(Math.max(0, end - Date.parse(turn.created_at)))}</>
}
