import { fromCallback } from 'xstate'
import { clockOf } from '../../actors/clock.ts'
import { hostRuntimeOf } from './host-runtime.ts'
import { Mailbox } from './mailbox/mailbox.ts'
import type { OwnedInput } from './placement-work.ts'

/** Input of the mailbox of an agent. */
export interface MailboxInput extends OwnedInput {
  readonly hostId: string
  /** Message of the end of each turn, if the agent cannot be used on this host. */
  readonly failure: string | undefined
}

/** Events that a mailbox receives: news of a message, a look at what may have been missed, and the end of new turns. */
export type MailboxCommand =
  { type: 'mail.noticed'; seq: number } | { type: 'mail.look' } | { type: 'mailbox.drain' }

/** Events that a mailbox sends to its placement. */
export type MailboxFact =
  | { type: 'mailbox.busy' }
  | { type: 'mailbox.idle' }
  | { type: 'mailbox.drained' }
  | { type: 'placement.lost' }

/** Runs the turns in the inbox of an agent until it is stopped. */
export const mailbox = fromCallback<MailboxCommand, MailboxInput>(({ input, sendBack, receive, system }) => {
  const { runtime, agent, hostId, ownership, failure } = input
  const host = hostRuntimeOf(runtime)
  const { store, runner, homes, contexts, gate, now } = host
  let isStopped = false
  const report = (fact: MailboxFact): void => {
    if (!isStopped) sendBack(fact)
  }
  const box = new Mailbox(
    {
      store,
      agent,
      hostId,
      epoch: ownership.epoch,
      clock: clockOf(system),
      now,
      runner,
      failure,
      contexts,
      gate,
      sessions: host.sessionsOf(agent),
      saveBeforeEnd:
        homes.savesBeforeEnd && failure === undefined
          ? (signal) => homes.save({ agent, ...ownership }, signal)
          : undefined,
    },
    {
      onBusy: (isBusy) => report({ type: isBusy ? 'mailbox.busy' : 'mailbox.idle' }),
      onLost: () => report({ type: 'placement.lost' }),
    },
  )
  receive((command) => {
    if (command.type === 'mail.noticed') box.notice(command.seq)
    else if (command.type === 'mail.look') box.look()
    else void box.drain().then(() => report({ type: 'mailbox.drained' }))
  })
  void box.load()
  return () => {
    isStopped = true
    box.close()
  }
})
