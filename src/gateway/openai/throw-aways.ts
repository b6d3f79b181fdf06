import { setTimeout as sleep } from 'node:timers/promises'
import type { Turn } from '../../api/turn-handle.ts'
import type { TurnInput } from '../../api/turn-input.ts'
import { SessionNotFoundError } from '../../errors.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { messageOf } from '../../util/messages.ts'
import type { GatewayContext } from '../context.ts'
import type { KeptSession } from '../turns/turn-log.ts'

type ThrowAwayContext = Pick<GatewayContext, 'fleet' | 'log' | 'options'>

/** Time for which an answer, or the end of the gateway, waits for a deletion, in ms. */
const settleMs = 2_000

/** Title of the session of a turn, by which the session is found again when its id was lost. */
const titleOf = (turnId: string): string => `Chat completion ${turnId}`

/**
 * Sessions of one turn each, which are deleted when their turn has ended. The log knows each of them before it exists, so
 * that it is deleted after a crash of the gateway, too. A deletion that fails is tried again when the server of the agent
 * is healthy again, and when the gateway starts again.
 */
export class ThrowAways {
  readonly #context: ThrowAwayContext
  /** Turns of this process whose sessions may exist, with the promises of their deletions. */
  readonly #open = new Map<string, Promise<void>>()
  /** Sessions whose deletion has failed. */
  readonly #left = new Map<string, KeptSession>()

  constructor(context: ThrowAwayContext) {
    this.#context = context
    context.fleet.events$.subscribe((event) => {
      if (event.type === 'agent.lifecycle' && event.lifecycle.state === 'healthy') this.#retry(event.agentId)
    })
  }

  /** Runs a turn in a session of its own. */
  async run(agentId: string, input: TurnInput & { turnId: string }): Promise<Turn> {
    const { fleet, log } = this.#context
    const { turnId } = input
    // Known before the record is: a start of the gateway deletes the sessions of the records of other processes only.
    this.#open.set(turnId, Promise.resolve())
    try {
      await log.sessions.put({ kind: 'throwaway', key: turnId, agentId, sessionId: null })
    } catch (error) {
      this.#open.delete(turnId)
      throw error
    }
    const session = fleet.agent(agentId).session({ title: titleOf(turnId) })
    const turn = session.turn(input)
    const deleted = this.#deleteAfter(turn, agentId, () => session.id).finally(() =>
      this.#open.delete(turnId),
    )
    this.#open.set(turnId, deleted)
    return turn
  }

  /**
   * Resolves when the session of a turn is deleted, or could not be deleted, or after a time limit; at once for a turn
   * without such a session.
   */
  async settled(turnId: string): Promise<void> {
    await within(settleMs, this.#open.get(turnId))
  }

  /** Deletes the sessions that earlier processes have left, in the background. */
  async deleteLeft(): Promise<void> {
    for (const session of await this.#context.log.sessions.list('throwaway'))
      if (!this.#open.has(session.key)) void this.#delete(session)
  }

  /** Resolves when no deletion runs, or after a time limit. What is left then is deleted at the next start. */
  async close(): Promise<void> {
    await within(settleMs, Promise.all(this.#open.values()))
  }

  #retry(agentId: string): void {
    for (const session of [...this.#left.values()].filter((left) => left.agentId === agentId))
      void this.#delete(session)
  }

  /**
   * Deletes the session of a turn when the turn has ended.
   *
   * @param join - waits for the request that creates the session, which a turn that ends does not wait for
   */
  async #deleteAfter(turn: Turn, agentId: string, join: () => Promise<unknown>): Promise<void> {
    const states = new Set<string>()
    turn.status$.subscribe(({ state }) => states.add(state))
    await turn.done
    const sessionId = (await turn.sessionId) ?? null
    const session = { kind: 'throwaway', key: turn.id, agentId, sessionId } as const
    if (sessionId === null && !states.has('running')) return this.#forget(session)
    if (sessionId === null) await join().catch(() => undefined)
    await this.#delete(session)
  }

  /** Deletes a session. Never rejects. */
  async #delete(session: KeptSession): Promise<void> {
    this.#left.delete(session.key)
    try {
      const agent = this.#context.fleet.agent(session.agentId)
      for (const sessionId of await this.#idsOf(session))
        await agent
          .session({ sessionId })
          .delete()
          .catch((error: unknown) => {
            if (!(error instanceof SessionNotFoundError)) throw error
          })
      await this.#forget(session)
    } catch (error) {
      this.#left.set(session.key, session)
      const { logger } = this.#context.options
      const { agentId, key: turnId } = session
      ignoreErrors(() =>
        logger?.warn(
          { agentId, turnId, error: messageOf(error) },
          'The session of a turn is not deleted yet',
        ),
      )
    }
  }

  /** Returns the ids of the session of a turn: none if the session was never created. */
  async #idsOf({ key: turnId, agentId, sessionId }: KeptSession): Promise<string[]> {
    if (sessionId !== null) return [sessionId]
    const { fleet, log } = this.#context
    const known = (await log.get(turnId))?.sessionId
    if (known != null) return [known]
    const found = await fleet.agent(agentId).sessions({ search: titleOf(turnId) })
    return found.map(({ id }) => id)
  }

  /** Removes the record of a session. A record that stays costs one search at the next start. */
  async #forget({ kind, key }: KeptSession): Promise<void> {
    await this.#context.log.sessions.delete(kind, key).catch(() => undefined)
  }
}

/** Resolves when a promise has settled, or after a time in ms. */
async function within(ms: number, promise: Promise<unknown> | undefined): Promise<void> {
  if (!promise) return
  const over = new AbortController()
  const late = sleep(ms, undefined, { signal: over.signal, ref: false }).catch(() => undefined)
  await Promise.race([promise, late]).finally(() => over.abort())
}
