import { fromPromise } from 'xstate'
import { clockOf } from '../../actors/clock.ts'
import { keyOf, turnKeyOf, type AgentKey, type Inbox, type MailHead } from '../store/cluster-store.ts'
import { hostRuntimeOf } from './host-runtime.ts'
import { OwnedTurn } from './mailbox/owned-turn.ts'
import { removeTurn } from './mailbox/remove-turn.ts'
import type { OwnedInput } from './placement-work.ts'

/** Time limit of a turn that names none: the usual one of a host, in ms. */
const usualDeadlineMs = 1_800_000

/** Turn that must end though no host has room for its agent. */
interface OverdueTurn {
  readonly head: MailHead
  readonly deadlineMs: number
  readonly isCancelled: boolean
}

/** Returns the turns of agents that are past their time limit, or cancelled, without their contents. @throws ClusterStoreError */
async function overdueTurns(
  inbox: Pick<Inbox, 'heads'>,
  agents: readonly AgentKey[],
  now: number,
): Promise<OverdueTurn[]> {
  const turns = new Map<string, MailHead>()
  const cancelled = new Set<string>()
  for (const head of await inbox.heads(agents)) {
    const key = turnKeyOf(head.agent, head.turnId)
    // A cancel that came before the turn was meant for an earlier attempt to send it.
    if (head.type === 'cancel' && turns.has(key)) cancelled.add(key)
    if (head.type === 'turn' && !turns.has(key)) turns.set(key, head)
  }
  return [...turns]
    .map(([key, head]) => ({
      ...{ head, deadlineMs: head.deadlineMs ?? usualDeadlineMs },
      isCancelled: cancelled.has(key),
    }))
    .filter(({ head, deadlineMs, isCancelled }) => isCancelled || now - head.at >= deadlineMs)
}

/** Returns the keys of the agents with turns that must end though no host runs them. @throws ClusterStoreError */
export async function overdueAgents(
  inbox: Pick<Inbox, 'heads'>,
  agents: readonly AgentKey[],
  now: number,
): Promise<ReadonlySet<string>> {
  const turns = await overdueTurns(inbox, agents, now)
  return new Set(turns.map(({ head }) => keyOf(head.agent)))
}

/** Ends the turns of an owned agent that are past their time limit, or cancelled, without making the agent ready. */
export const endOverdue = fromPromise<undefined, OwnedInput & { readonly hostId: string }>(
  async ({ input, signal, system }) => {
    const { runtime, agent, ownership, hostId } = input
    const host = hostRuntimeOf(runtime)
    const { store, runner, gate, now } = host
    const terms = {
      ...{ store, runner, gate, now, agent, hostId },
      ...{ epoch: ownership.epoch, clock: clockOf(system), sessions: host.sessionsOf(agent) },
      ...{ failure: undefined, saveBeforeEnd: undefined },
    }
    for (const { head, deadlineMs, isCancelled } of await overdueTurns(store.inbox, [agent], now())) {
      const mail = await store.inbox.next(agent, head.seq - 1)
      if (mail?.seq !== head.seq || mail.message.type !== 'turn') continue
      const turn = new OwnedTurn(mail, terms, signal, () => undefined)
      if (isCancelled) await turn.cancel()
      await turn.expire(deadlineMs)
      await turn.listed
      await removeTurn(store, agent, mail.turnId, { hasParcel: turn.sent.parcel !== undefined })
    }
    return undefined
  },
)
