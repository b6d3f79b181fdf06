import { elapse, type SystemClock } from '../../actors/clock.ts'
import { ClusterStoreError, type AgentKey, type Inbox, type MailMessage } from '../store/cluster-store.ts'

/** Wait before a message is added again to an inbox that did not answer, in ms. */
const retryMs = 200

/** Message with its way to the owner of an agent. */
export interface Letter {
  readonly inbox: Pick<Inbox, 'add'>
  readonly agent: AgentKey
  readonly turnId: string
  readonly message: MailMessage
  readonly clock: SystemClock
  /** Time in which the message must be added, in ms. */
  readonly limitMs: number
  /** Signal that ends the attempts. */
  readonly signal: AbortSignal
}

/**
 * Adds a message to the inbox of an agent, again and again until the store answers. A turn is added once, because the
 * store knows its id.
 *
 * @throws ClusterStoreError of the last attempt: at the time limit, when the signal aborts, or at once if the store refuses
 */
export const post = (letter: Letter): Promise<{ isDuplicate: boolean }> =>
  untilTaken(() => letter.inbox.add(letter.agent, letter.turnId, letter.message), letter)

/**
 * Gives something to the store, again and again until the store answers.
 *
 * @throws ClusterStoreError as {@link post} does
 */
export async function untilTaken<T>(
  give: () => Promise<T>,
  { clock, limitMs, signal }: Pick<Letter, 'clock' | 'limitMs' | 'signal'>,
): Promise<T> {
  const until = clock.now() + limitMs
  const isOver = (): boolean => signal.aborted || clock.now() + retryMs > until
  for (;;)
    try {
      return await give()
    } catch (error) {
      const isAway = error instanceof ClusterStoreError && error.fault === 'unavailable'
      if (!isAway || isOver()) throw error
      await elapse(clock, retryMs, signal)
      if (signal.aborted) throw error
    }
}

/** Returns whether the store may have taken what was not acknowledged. What it has refused will not come. */
export const mayHaveArrived = (error: unknown): boolean =>
  !(error instanceof ClusterStoreError) || error.fault === 'unavailable'
