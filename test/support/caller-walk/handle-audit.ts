import { cancelledTurn } from '../../../src/actors/turn/refusal.ts'
import { connectionClosed, notEnded, notFound, otherAgent } from '../../../src/cluster/client/ends.ts'
import { keyOf, type AgentKey } from '../../../src/cluster/store/cluster-store.ts'
import type { TurnFact } from '../../../src/cluster/turn-facts.ts'
import { isTerminal, type ErrorReply, type Reply, type TerminalReply } from '../../../src/replies.ts'
import { graceMs, type WalkedCaller } from './walked-caller.ts'
import type { WalkedHandle } from './walked-handle.ts'

/** Time in which a message must reach an inbox, in ms. */
const mostSendMs = 60_000
/** Time after which a cancelled turn that is still on its way ends, in ms. */
const patienceMs = 5_000
/** Most time between two attempts of a caller, in ms. */
const retryMs = 500

/** Turn as it is stored, with the agent whose inbox has taken the turn. */
export interface StoredTurn {
  readonly agent: AgentKey | undefined
  readonly replies: readonly Reply[]
  readonly end: TerminalReply | undefined
  readonly requests: readonly string[]
  /** Reasons for the ends of requests, by request. */
  readonly closings: ReadonlyMap<string, readonly string[]>
  readonly states: readonly string[]
  /** Time of the last batch, in ms. */
  readonly at: number
}

/** Returns a turn as its facts tell it. */
export function storedTurn(agent: AgentKey | undefined, facts: readonly TurnFact[], at: number): StoredTurn {
  const replies: Reply[] = []
  const requests: string[] = []
  const closings = new Map<string, string[]>()
  const states = ['queued']
  let end: TerminalReply | undefined
  for (const fact of facts) {
    if (fact.kind === 'request') requests.push(fact.pending.request.id)
    if (fact.kind === 'request_closed')
      closings.set(fact.requestId, [...(closings.get(fact.requestId) ?? []), fact.by])
    if (fact.kind === 'restarted') states.push('retrying')
    if (fact.kind === 'status' && !(fact.status.state === 'queued' && states.at(-1) === 'queued'))
      states.push(fact.status.state)
    if (fact.kind !== 'reply') continue
    if (isTerminal(fact.reply)) end = fact.reply
    else replies.push(fact.reply)
  }
  return { agent, replies, end, requests, closings, states: end ? [...states, 'done'] : states, at }
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Returns whether a list is the beginning of another one. */
const isPrefix = (seen: readonly unknown[], all: readonly unknown[]): boolean =>
  isSame(seen, all.slice(0, seen.length))

/** Returns what is wrong with a handle at any moment, compared with what is stored of its turn. */
export function faultsOf(
  handle: WalkedHandle,
  caller: WalkedCaller,
  stored: StoredTurn,
  now: number,
): string[] {
  const faults = [...handle.problems]
  const { end, origin } = handle
  const isOther = origin.agent && stored.agent && keyOf(origin.agent) !== keyOf(stored.agent)
  if (isOther && handle.replies.length > (end ? 1 : 0)) faults.push('sees the turn of another agent')
  if (!isPrefix(handle.told, stored.replies))
    faults.push(`has the replies ${brief(handle.told)}, and stored are ${brief(stored.replies)}`)
  if (!isPrefix(handle.requests, stored.requests))
    faults.push(`has the requests ${handle.requests.join()}, and stored are ${stored.requests.join()}`)
  if (caller.isClosed && !end) faults.push('has no end, and its caller is closed')
  if (!end) return [...faults, ...lateness(handle, caller, stored, now)]
  // A caller may end a turn with the words of a host.
  if (!isOwnEnd(handle, caller, stored)) faults.push(...endFaults(handle, end.reply, stored))
  return [...faults, ...answerFaults(handle, stored)]
}

/** Returns what a handle has not seen though it should have. */
function lateness({ told, origin }: WalkedHandle, caller: WalkedCaller, stored: StoredTurn, now: number) {
  const isOther = origin.agent && stored.agent && keyOf(origin.agent) !== keyOf(stored.agent)
  if (isOther || now < caller.knowsFrom(Math.max(origin.at, stored.at))) return []
  if (stored.end) return [`does not know the end, ${brief([stored.end])}`]
  return told.length === stored.replies.length
    ? []
    : [`knows ${brief(told)} only, and stored are ${brief(stored.replies)}`]
}

/** Returns what is wrong with a handle that has the end of its turn. */
function endFaults({ told, states }: WalkedHandle, end: TerminalReply, stored: StoredTurn): string[] {
  const faults: string[] = []
  if (!isSame(end, stored.end))
    faults.push(`ends with ${brief([end])}, and stored is ${stored.end ? brief([stored.end]) : 'none'}`)
  if (told.length < stored.replies.length)
    faults.push(`has missed replies: ${brief(told)} of ${brief(stored.replies)}`)
  if (!isSame(states, stored.states))
    faults.push(`has the states ${states.join()}, and stored are ${stored.states.join()}`)
  return faults
}

function answerFaults({ answers }: WalkedHandle, { closings }: StoredTurn): string[] {
  return answers
    .filter(({ requestId, told }) => told === 'taken' && closings.get(requestId)?.[0] !== 'answer')
    .map(({ requestId }) => `was told that its answer to ${requestId} was taken`)
}

/** Returns whether a caller may end a turn itself in this way, at this time. */
export function isOwnEnd(
  { id, end, origin, cancelledAt = Infinity }: WalkedHandle,
  caller: WalkedCaller,
  stored: StoredTurn,
): boolean {
  const { error, code } = (end?.reply ?? {}) as Partial<ErrorReply>
  const at = end?.at ?? 0
  const age = at - origin.at
  const { agent, deadlineMs } = origin
  if (error === connectionClosed.error) return caller.isClosed
  if (error === cancelledTurn.error) return at - cancelledAt >= patienceMs
  if (error === notEnded.error) return deadlineMs !== null && age >= deadlineMs + graceMs
  if (error === otherAgent(id).error)
    return agent !== undefined && stored.agent !== undefined && keyOf(agent) !== keyOf(stored.agent)
  if (error === notFound(id).error || error?.startsWith('The turn could not be found') === true)
    return agent === undefined && age >= graceMs - retryMs
  const limitMs = Math.min(deadlineMs ?? mostSendMs, mostSendMs)
  return (
    code === 'server_unavailable' &&
    error?.startsWith('The turn could not be sent') === true &&
    age >= limitMs - retryMs
  )
}

/** Returns replies in a few words. */
export const brief = (replies: readonly Reply[]): string =>
  `[${replies.map((reply) => wordOf(reply)).join(' ')}]`

function wordOf(reply: Reply): string {
  if (reply.kind === 'error') return `${reply.code}(${reply.error})`
  return 'content' in reply ? `${reply.kind}(${reply.content})` : reply.kind
}
