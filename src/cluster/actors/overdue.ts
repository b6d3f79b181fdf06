import { fromPromise } from 'xstate'
import { clockOf } from '../../actors/clock.ts'
import type { AgentKey, Inbox, Mail } from '../store/cluster-store.ts'
import { hostRuntimeOf } from './host-runtime.ts'
import { OwnedTurn } from './mailbox/owned-turn.ts'
import { sentTurnOf } from './mailbox/sent-turn.ts'
import type { OwnedInput } from './placement-work.ts'

/** Time limit of a turn that names none: the usual one of a host, in ms. */
const usualDeadlineMs = 1_800_000

/** Turn that must end though no host has room for its agent. */
interface OverdueTurn {
  readonly mail: Mail
  readonly deadlineMs: number
  readonly isCancelled: boolean
}

/** Returns the turns in the inbox of an agent that are past their time limit, or cancelled. @throws ClusterStoreError */
async function overdueTurns(
  inbox: Pick<Inbox, 'next'>,
  agent: AgentKey,
  now: number,
): Promise<OverdueTurn[]> {
  const turns = new Map<string, Omit<OverdueTurn, 'isCancelled'>>()
  const cancelled = new Set<string>()
  for (let mail = await inbox.next(agent, 0); mail; mail = await inbox.next(agent, mail.seq)) {
    const { message, turnId } = mail
    if (message.type === 'cancel') cancelled.add(turnId)
    if (message.type !== 'turn' || turns.has(turnId)) continue
    const { deadlineMs } = sentTurnOf(mail)
    turns.set(turnId, { mail, deadlineMs: deadlineMs ?? usualDeadlineMs })
  }
  return [...turns]
    .map(([turnId, turn]) => ({ ...turn, isCancelled: cancelled.has(turnId) }))
    .filter(({ mail, deadlineMs, isCancelled }) => isCancelled || now - mail.at >= deadlineMs)
}

/** Returns whether turns of an agent must end though no host runs them. @throws ClusterStoreError */
export const hasOverdue = async (
  inbox: Pick<Inbox, 'next'>,
  agent: AgentKey,
  now: number,
): Promise<boolean> => (await overdueTurns(inbox, agent, now)).length > 0

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
    for (const { mail, deadlineMs, isCancelled } of await overdueTurns(store.inbox, agent, now())) {
      const turn = new OwnedTurn(mail, terms, signal, () => undefined)
      if (isCancelled) await turn.cancel()
      await turn.expire(deadlineMs)
      await turn.listed
      if (turn.sent.parcel !== undefined) await store.parcels.remove(agent, mail.turnId)
      await store.inbox.remove(agent, mail.turnId)
    }
    return undefined
  },
)
