import { useNow } from '../live/use-value.ts'
import { ago, exact } from '../words/format.ts'

/** Time since a moment, which goes on; the exact time stands in the title. */
export function RelativeTime({ at }: { at: number }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={exact(at)}>
      {ago(useNow() - at)}
    </time>
  )
}
