import { deadlineOf, type Mail, type ParcelRef } from '../../store/cluster-store.ts'
import type { SentTurn } from '../../turn-facts.ts'

/** Priority of a turn that names none, or no number. */
const usualPriority = 5

/**
 * Returns the turn of a message. The id of the message counts, because the store knows the turn by it. A field that no
 * caller of this package would send counts as absent: the fleet refuses a bad input.
 */
export function sentTurnOf({ turnId, message }: Mail): SentTurn {
  const given: unknown = message.type === 'turn' ? message.turn : undefined
  const sent = Object(given) as Readonly<Partial<Record<keyof SentTurn, unknown>>>
  const { conversation, traceId, priority, input, context, parcel } = sent
  return {
    turnId,
    conversation: typeof conversation === 'string' ? conversation : turnId,
    traceId: typeof traceId === 'string' ? traceId : null,
    priority: Number.isInteger(priority) ? (priority as number) : usualPriority,
    deadlineMs: deadlineOf(message),
    answers: sent.answers === true,
    input: recordOf(input),
    ...(sent.isThrowAway === true && { isThrowAway: true }),
    ...(typeof context === 'string' && { context }),
    ...(parcel !== undefined && { parcel: recordOf(parcel) as unknown as ParcelRef }),
  }
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {}
