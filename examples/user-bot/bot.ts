import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Fleet, type FleetOptions, type PendingRequest, type Session, type Turn } from 'opencode-runtime'
import { SessionBook } from './sessions.ts'

/** User of the bot, and the plan that the user pays for. */
export interface User {
  name: string
  plan: 'free' | 'paid'
}

/** Returns the id of a user's agent. A hash, because a name of the outside world must not become a path. */
export const agentIdOf = (name: string): string =>
  `u-${createHash('sha256').update(name).digest('hex').slice(0, 24)}`

/** Bot that has an agent for each user: made with the first message, and without a server while the user is silent. */
export class UserBot implements AsyncDisposable {
  readonly fleet: Fleet
  readonly #book: SessionBook
  readonly #sessions = new Map<string, Session>()

  private constructor(fleet: Fleet, book: SessionBook) {
    this.fleet = fleet
    this.#book = book
  }

  /** Opens the bot of a data folder, with the agents that an earlier process has made. */
  static async open(options: FleetOptions): Promise<UserBot> {
    await mkdir(options.dataDir, { recursive: true })
    const fleet = new Fleet({
      ...options,
      defaults: { onPermission: 'ask', requestTimeoutMs: 120_000, ...options.defaults },
      // Paying users get three times the running time of the others, when there is not enough for all.
      tenants: { free: { weight: 1 }, paid: { weight: 3 }, ...options.tenants },
    })
    try {
      await fleet.ready
      return new UserBot(fleet, await SessionBook.open(join(options.dataDir, 'sessions.json')))
    } catch (error) {
      await fleet.close()
      throw error
    }
  }

  /** Runs a message of a user as a turn of the user's conversation. */
  async say({ name, plan }: User, text: string): Promise<Turn> {
    const id = agentIdOf(name)
    // Does nothing for a known agent, unless the user has changed the plan.
    await this.fleet.put({ id, tenant: plan, labels: { user: name } })
    const turn = this.#sessionOf(id).turn(text)
    this.#remember(id, turn).catch((error: unknown) => console.error('A session was not kept:', error))
    return turn
  }

  /** Returns the requests of a user's agent that wait for the user's answer. */
  requestsOf(name: string): PendingRequest[] {
    return this.fleet.requests.filter(({ agentId }) => agentId === agentIdOf(name))
  }

  /** Answers a request of the user's own agent. Returns false if the agent has no such request. */
  async answer(name: string, requestId: string, allow: boolean): Promise<boolean> {
    if (!this.requestsOf(name).some(({ request }) => request.id === requestId)) return false
    await this.fleet.answer(requestId, allow ? 'once' : { reject: 'The user has refused it.' })
    return true
  }

  /** Lets running turns finish for up to `drainMs`, then stops every server. */
  async close(drainMs = 10_000): Promise<void> {
    await this.fleet.close({ drainMs })
    await this.#book.written
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #remember(id: string, turn: Turn): Promise<void> {
    const sessionId = await turn.sessionId
    if (sessionId !== undefined) await this.#book.set(id, sessionId)
  }

  /** The handle of a session outlives the servers of its agent; the id in the book outlives this process. */
  #sessionOf(id: string): Session {
    const known = this.#sessions.get(id)
    if (known) return known
    const sessionId = this.#book.get(id)
    const session = this.fleet.agent(id).session(sessionId === undefined ? { title: 'Chat' } : { sessionId })
    this.#sessions.set(id, session)
    return session
  }
}
