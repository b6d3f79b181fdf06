import { elapse } from '../../../actors/clock.ts'
import type { Mail } from '../../store/cluster-store.ts'
import { OwnedTurn, type OwnerTerms } from './owned-turn.ts'
import { removeTurn, type RemovalTerms } from './remove-turn.ts'

/** Wait before the inbox is read again from a store that did not answer, in ms. */
const retryMs = 100
/** Most attempts to remove an ended turn from the inbox; a turn that stays never runs again. */
const mostRemovals = 20

/** Reports of a mailbox. */
export interface MailboxReports {
  /** The mailbox has turns, or has none any more. */
  readonly onBusy: (isBusy: boolean) => void
  /** Another owner has the agent. */
  readonly onLost: (error: unknown) => void
}

/** Turns of an agent on the host that owns the agent: read from the inbox in order, one of each conversation at a time. */
export class Mailbox {
  readonly #terms: OwnerTerms
  readonly #reports: MailboxReports
  readonly #lost = new AbortController()
  readonly #turns = new Map<string, OwnedTurn>()
  /** Turns of each conversation, in the order of the inbox. */
  readonly #conversations = new Map<string, OwnedTurn[]>()
  /** Number of the last message that was read, and of the last one that is known. */
  #cursor = 0
  #target = 0
  #reading: Promise<void> = Promise.resolve()
  #isLoaded = false
  /** Number of ended turns whose messages are being removed. */
  #removing = 0
  /** True until the mailbox has reported that it has no turns. */
  #isBusy = true
  readonly #draining = new AbortController()
  #onDrained: (() => void) | undefined

  constructor(terms: OwnerTerms, reports: MailboxReports) {
    this.#terms = terms
    this.#reports = reports
  }

  /**
   * Takes the turns that are in the inbox, then those that come. Nothing runs before all messages were read, because a
   * cancel may be the last one.
   */
  async load(): Promise<void> {
    await this.#read()
    const left = [...this.#turns.values()]
    await Promise.all(left.map((turn) => this.#take(turn)))
    this.#isLoaded = true
    for (const conversation of [...this.#conversations.keys()]) this.#startNext(conversation)
    this.#settle()
    if (this.#target > this.#cursor) this.look()
  }

  /** Notes a message that was added. Returns whether the message is not read yet. */
  notice(seq: number): boolean {
    this.#target = Math.max(this.#target, seq)
    if (seq <= this.#cursor) return false
    if (this.#isLoaded) this.look()
    return true
  }

  /** Reads the messages that have come meanwhile; news of them may have been missed. */
  look(): void {
    if (this.#isLoaded) void this.#read()
  }

  /**
   * Starts no further turn. Resolves when none runs, and what is left of ended turns is removed. Waiting turns stay in the
   * inbox, for the next owner.
   */
  drain(): Promise<void> {
    this.#draining.abort()
    return new Promise((resolve) => {
      this.#onDrained = resolve
      this.#settle()
    })
  }

  /** Ends all work at once, without a word in the store: another owner ends the turns. */
  close(): void {
    this.#lost.abort(new Error('The host does not own the agent any more'))
    for (const turn of this.#turns.values()) turn.abandon()
  }

  get #isClosed(): boolean {
    return this.#lost.signal.aborted
  }

  #read(): Promise<void> {
    return (this.#reading = this.#reading.then(() => this.#readOn()))
  }

  async #readOn(): Promise<void> {
    const { store, agent, clock } = this.#terms
    while (!this.#isClosed) {
      try {
        const mail = await store.inbox.next(agent, this.#cursor)
        if (!mail) return
        this.#cursor = mail.seq
        this.#onMail(mail)
      } catch {
        await elapse(clock, retryMs, this.#lost.signal)
      }
    }
  }

  #onMail(mail: Mail): void {
    if (this.#isClosed) return
    const { message, turnId } = mail
    const turn = this.#turns.get(turnId)
    if (message.type === 'turn') {
      if (!turn) this.#add(mail)
    } else if (!turn) void this.#remove(turnId, { through: mail.seq })
    else if (message.type === 'cancel') void this.#guarded(turn.cancel())
    else turn.answer(message.requestId, message.answer)
  }

  #add(mail: Mail): void {
    const turn = new OwnedTurn(mail, this.#terms, this.#lost.signal, (ended) => this.#forget(ended))
    const { turnId, conversation } = turn.sent
    this.#turns.set(turnId, turn)
    this.#conversations.set(conversation, [...(this.#conversations.get(conversation) ?? []), turn])
    if (!this.#isBusy) {
      this.#isBusy = true
      this.#reports.onBusy(true)
    }
    if (this.#isLoaded) void this.#take(turn).then(() => this.#startNext(conversation))
  }

  #take(turn: OwnedTurn): Promise<void> {
    return this.#guarded(turn.take())
  }

  /** Starts the first turn of a conversation if it waits. */
  #startNext(conversation: string): void {
    const turn = this.#conversations.get(conversation)?.[0]
    const isOver = this.#isClosed || this.#draining.signal.aborted
    if (turn?.stage !== 'waiting' || isOver || !this.#isLoaded) return
    void this.#guarded(turn.run(this.#draining.signal)).then(() => this.#settle())
  }

  /** Awaits work on a turn. An error means that the agent has another owner, unless the mailbox was closed. */
  async #guarded(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      if (!this.#isClosed) this.#reports.onLost(error)
    }
  }

  #forget({ sent: { turnId, conversation, parcel }, listed }: OwnedTurn): void {
    this.#turns.delete(turnId)
    const left = (this.#conversations.get(conversation) ?? []).filter((other) => other.sent.turnId !== turnId)
    if (left.length > 0) this.#conversations.set(conversation, left)
    else this.#conversations.delete(conversation)
    if (this.#isClosed) return
    void this.#leave(listed, turnId, parcel !== undefined)
    this.#startNext(conversation)
    this.#settle()
  }

  /**
   * Removes what is left of an ended turn. The mailbox is busy, and not drained, until then: an agent that is given up with a
   * message in its inbox is claimed again at once.
   */
  async #leave(listed: Promise<void>, turnId: string, hasParcel: boolean): Promise<void> {
    this.#removing++
    await listed
    await this.#remove(turnId, { hasParcel })
    this.#removing--
    this.#settle()
  }

  async #remove(turnId: string, terms: RemovalTerms): Promise<void> {
    const { store, agent, clock } = this.#terms
    for (let attempt = 0; attempt < mostRemovals && !this.#isClosed; attempt++) {
      try {
        await removeTurn(store, agent, turnId, terms)
        return
      } catch {
        await elapse(clock, retryMs * (attempt + 1), this.#lost.signal)
      }
    }
  }

  #settle(): void {
    if (this.#isClosed || !this.#isLoaded) return
    const isRunning = [...this.#turns.values()].some(
      ({ stage }) => stage === 'running' || stage === 'entering',
    )
    if (isRunning || this.#removing > 0) return
    if (this.#turns.size === 0 && this.#isBusy) {
      this.#isBusy = false
      this.#reports.onBusy(false)
    }
    this.#onDrained?.()
  }
}
