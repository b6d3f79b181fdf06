import { fromCallback, type EventObject } from 'xstate'
import { clockOf, elapse } from '../../actors/clock.ts'
import { deleteGarbage } from '../homes/garbage.ts'
import { hostRuntimeOf } from './host-runtime.ts'
import type { WatchInput } from './watches.ts'

/** Time between two looks for garbage in the cluster, in ms; each host varies it, so that they take turns. */
const everyMs = 600_000

/** Deletes the objects of former owners now and then, if the host saves homes. A failure is found at the next look. */
export const garbage = fromCallback<EventObject, WatchInput>(({ input, system }) => {
  const { store, homes } = hostRuntimeOf(input.runtime)
  const stopped = new AbortController()
  const repeat = async (): Promise<void> => {
    for (;;) {
      await elapse(clockOf(system), everyMs * (0.5 + Math.random()), stopped.signal)
      if (stopped.signal.aborted) return
      await deleteGarbage(store).catch(() => undefined)
    }
  }
  if (homes.savesHomes) void repeat()
  return () => stopped.abort()
})
