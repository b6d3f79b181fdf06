import type { OpenCodeClient } from '../../io/opencode/client.ts'
import { elapse, type SystemClock } from '../clock.ts'
import type { Lane } from './lane.ts'
import { isIdle } from '../../io/opencode/wire.ts'

/** For an abort: the server answers only once the work has ended (opencode 1.18.33: 0.5–5 s for a bash tool). */
const abortTimeoutMs = 10_000
/** How long to go on before the work is left to the server, and how long to wait between two tries. */
const abortForMs = 15_000
const abortAgainMs = 500

/** A turn's work on the server. */
export interface Work {
  client: OpenCodeClient
  lane: Lane
  /** Settles when the server has answered the prompt: an abort that is sent beside it is lost (opencode 1.18.33). */
  prompted: Promise<unknown>
  clock: SystemClock
  /** Aborts when the server is gone, and its work with it. */
  gone: AbortSignal
}

/** Ends a turn's work, child sessions included, until the server says that nothing of it runs. Never rejects. */
export async function abortWork(work: Work): Promise<void> {
  const { lane, prompted, clock, gone } = work
  const accepted = prompted.then(
    () => true,
    () => false,
  )
  const isAccepted = await Promise.race([accepted, elapse(clock, abortTimeoutMs, gone)])
  if (isAccepted !== true || lane.sessionId === undefined) return
  const until = clock.now() + abortForMs
  while (!gone.aborted && clock.now() < until) {
    if (await abortOnce(work, lane.sessionId)) return
    await elapse(clock, abortAgainMs, gone)
  }
}

/** Whether the session is idle after an abort, which the server answers once the work has ended. */
async function abortOnce({ client, lane, clock, gone }: Work, sessionId: string): Promise<boolean> {
  const limit = new AbortController()
  const signal = AbortSignal.any([limit.signal, gone])
  const timer = clock.setTimeout(() => limit.abort(), abortTimeoutMs)
  try {
    await client.abort(sessionId, lane.directory, signal)
    const status = await client.status(lane.directory, signal)
    return isIdle(status, sessionId)
  } catch {
    return false
  } finally {
    clock.clearTimeout(timer)
  }
}
