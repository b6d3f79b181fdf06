import type { OpenCodeClient } from '../../io/opencode/client.ts'
import { elapse, type SystemClock } from '../clock.ts'
import type { Conversation } from './conversation.ts'
import { isIdle } from '../../io/opencode/wire.ts'

/**
 * Time limit of an abort, in ms.
 *
 * @remarks Observed in opencode: the server answers an abort only when the work has ended (0.5–5 s
 * for a bash tool).
 */
const abortTimeoutMs = 10_000
/**
 * Total time of the abort attempts, in ms, after which no further abort is sent; and the wait between two
 * attempts, in ms.
 */
const abortTotalMs = 15_000
const abortRetryMs = 500

/** Work of a turn on the server. */
export interface Work {
  client: OpenCodeClient
  conversation: Conversation
  /**
   * Promise that settles when the server has answered the prompt.
   *
   * @remarks Observed in opencode: an abort that is sent while the prompt is unanswered is lost.
   */
  prompted: Promise<unknown>
  clock: SystemClock
  /** Signal that aborts when the server is gone, because the work ends with the server. */
  serverGone: AbortSignal
}

/**
 * Aborts a turn's work, including child sessions, until the server reports the session idle or the time is
 * up. Never rejects.
 */
export async function abortWork(work: Work): Promise<void> {
  const { conversation, prompted, clock, serverGone } = work
  const accepted = prompted.then(
    () => true,
    () => false,
  )
  const isAccepted = await Promise.race([accepted, elapse(clock, abortTimeoutMs, serverGone)])
  if (isAccepted !== true || conversation.sessionId === undefined) return
  const until = clock.now() + abortTotalMs
  while (!serverGone.aborted && clock.now() < until) {
    if (await abortOnce(work, conversation.sessionId)) return
    await elapse(clock, abortRetryMs, serverGone)
  }
}

/**
 * Sends an abort and returns whether the session is idle afterwards; the server answers the abort when the
 * work has ended.
 */
async function abortOnce(
  { client, conversation, clock, serverGone }: Work,
  sessionId: string,
): Promise<boolean> {
  const limit = new AbortController()
  const signal = AbortSignal.any([limit.signal, serverGone])
  const timer = clock.setTimeout(() => limit.abort(), abortTimeoutMs)
  try {
    await client.abort(sessionId, conversation.directory, signal)
    const status = await client.status(conversation.directory, signal)
    return isIdle(status, sessionId)
  } catch {
    return false
  } finally {
    clock.clearTimeout(timer)
  }
}
