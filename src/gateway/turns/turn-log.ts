import type { Reply, TerminalReply, Usage } from '../../replies.ts'

/** State of a turn of the gateway. */
export type LoggedState = 'queued' | 'running' | 'done'

/** Turn as the log keeps it. Times are in epoch ms. */
export interface LoggedTurn {
  turnId: string
  agentId: string
  tenant: string
  /** Id of the token whose caller started the turn. */
  tokenId: string
  sessionId: string | null
  traceId: string | null
  /** Model that the turn asked for, or the first model of the agent; `null` if unknown. */
  model: string | null
  state: LoggedState
  createdAt: number
  endedAt: number | null
  /** Number of the last stored reply; 0 before the first one. */
  lastSeq: number
  /** Terminal reply; `null` before the end, and after the texts were erased. */
  reply: TerminalReply | null
  /** False if the replies were deleted, by {@link TurnLog.erase} or because they were too old or too many. */
  hasTexts: boolean
  usage: Usage
}

/**
 * Reply with its number in the turn: 1 for the first reply, and one more for each further reply. In a cluster, the number
 * of the owner's record, which grows with holes.
 */
export interface LoggedReply {
  seq: number
  reply: Reply
  /** Time of a tool's call or result, in epoch ms; absent for other replies, and if the time is not known. */
  at?: number
}

/** New turn, before its first reply. */
export interface NewTurn {
  turnId: string
  agentId: string
  tenant: string
  tokenId: string
  traceId: string | null
  model: string | null
  sessionId: string | null
  /** Hash of the request's body, if the turn has an Idempotency-Key: another body with the same key is refused. */
  bodyHash: string | null
  /** Input of the turn as JSON, kept only until the turn has ended, and only for a turn that may go on after a crash. */
  resume: string | null
  /** Time limit of the turn, in ms; `null` for the usual one. */
  deadlineMs?: number | null
}

/** Turn without an end, which an earlier process has left. */
export interface OpenTurn {
  turn: LoggedTurn
  resume: string | null
  /** Texts of the stored deltas, joined. */
  text: string
  /** True if a tool was called. */
  hasCalledTool: boolean
}

/** Filter of a list of turns; the newest turn comes first. */
export interface TurnFilter {
  agentId?: string | undefined
  state?: LoggedState | undefined
  /** Agents and tenant that the caller may see; no limit if absent. */
  agents?: readonly string[] | undefined
  tenant?: string | undefined
  limit: number
  /** Cursor of an earlier list. */
  before?: string | undefined
}

/** Sum of the usage of turns with a common key. */
export interface UsageRow {
  /** Agent, tenant, day (`2026-11-29`, UTC) or model. */
  key: string
  turns: number
  usage: Usage
}

/** Session that a gateway has to remember. */
export interface KeptSession {
  /** `throwaway` for the session of one turn, which is to be deleted; `named` for a client's own name of a session. */
  kind: 'throwaway' | 'named'
  /** Id of the turn, or hash of the name. */
  key: string
  agentId: string
  /** `null` while the session may not exist yet. */
  sessionId: string | null
}

/** Durable records of sessions. Each call rejects with a TurnLogError if the store cannot be used. */
export interface SessionRecords {
  /** Adds or replaces a record. */
  put(session: KeptSession): Promise<void>
  get(kind: KeptSession['kind'], key: string): Promise<KeptSession | undefined>
  list(kind: KeptSession['kind']): Promise<KeptSession[]>
  delete(kind: KeptSession['kind'], key: string): Promise<void>
}

/** Log of the replies of turns: the owner of a turn writes, and readers read from any reply on. */
export interface TurnLog {
  /**
   * Resolves when the log can be read and written. Rejects with a TurnLogError: `newer`, `corrupt` or `unavailable`.
   */
  readonly ready: Promise<void>
  /** Turns that an earlier process has left without an end. Read once, before the first new turn. */
  openTurns(): Promise<OpenTurn[]>
  /**
   * Adds a turn, durably; a turn with a known id is returned as it is. If the known turn has a body's hash, was
   * created more than 24 h ago, and has ended, the new turn takes the id, and the known turn's id gets the suffix
   * `.` and the time of its creation.
   *
   * @throws TurnLogError `key_reused` if the known turn has another body, `full` if no turn may be added
   */
  create(turn: NewTurn): Promise<{ turn: LoggedTurn; isNew: boolean }>
  /** Removes a turn that was refused before it began, so that its id can be used again. */
  forget(turnId: string): Promise<void>
  /** Returns the writer of a turn, which only the owner of the turn uses. */
  writer(turnId: string): TurnWriter
  get(turnId: string): Promise<LoggedTurn | undefined>
  list(filter: TurnFilter): Promise<{ items: LoggedTurn[]; nextBefore: string | null }>
  /**
   * Reads the replies after a number, then live ones, until the terminal reply. Every reader gets each reply once, in
   * order. A reader that does not read costs a bounded buffer, and slows nobody. Of a turn whose replies were deleted,
   * the terminal reply is left, if the turn was not erased.
   *
   * @param turnId - The turn.
   * @param after - Number of the last reply that the reader has; 0 for none.
   * @param signal - Ends the reading.
   * @returns Batches of neighbouring replies. Batches are shared by the readers: do not change them.
   */
  read(turnId: string, after: number, signal?: AbortSignal): AsyncIterable<readonly LoggedReply[]>
  usage(by: 'agent' | 'tenant' | 'day' | 'model', filter: UsageFilter): Promise<UsageRow[]>
  /**
   * Deletes the replies and texts of a session's turns, or of all turns of an agent; the usage stays. Readers of
   * these turns end. A turn that still runs goes on without stored replies: end the turns first, so that their
   * readers get the terminal reply.
   */
  erase(of: { agentId: string; tenant: string; sessionId?: string }): Promise<void>
  /**
   * Reserves numbers that no earlier call has returned for the name, durably: also not before a restart.
   *
   * @param name - name of the counter
   * @param count - how many numbers
   * @returns the first of the numbers; 1 at the first call
   */
  reserve(name: string, count: number): Promise<number>
  /** Changes what is kept: days after the end of a turn, and the largest size in MiB. Applies soon. */
  bound(bounds: { retentionDays: number; maxStoreMb: number }): void
  /** Returns true if no new turn may be added, because the log is full. */
  readonly isFull: boolean
  /** Sessions that the gateway has to remember. `erase` removes the names of the sessions that it is given. */
  readonly sessions: SessionRecords
  /** Writes what waits, and closes the log. */
  close(): Promise<void>
}

/** Which turns a sum of usage counts. */
export interface UsageFilter {
  agents?: readonly string[] | undefined
  tenant?: string | undefined
  /** Epoch ms. */
  since?: number | undefined
}

/** Change of a turn beside its replies. */
export interface TurnChange {
  state?: 'running'
  sessionId?: string
  usage?: Usage
  lastSeq?: number
}

/** Writer of one turn. Calls return at once; what is written is durable a moment later, in one transaction with others. */
export interface TurnWriter {
  /**
   * Sets the state `running`, the session, the usage, or the number of the last reply, which another log has: the next
   * reply gets the number after it.
   */
  update(change: TurnChange): void
  /**
   * Adds a reply. Neighbouring deltas of a moment may become one reply. The terminal reply ends the turn.
   *
   * @param reply - The reply.
   * @param usage - Usage of the turn up to the reply.
   * @param at - Time of the reply in epoch ms, which is kept for calls and results of tools.
   */
  push(reply: Reply, usage: Usage, at?: number): void
  /** Resolves when all that was pushed is durable. Rejects with a TurnLogError if it cannot be written. */
  flushed(): Promise<void>
}

/** Kind of a fault of the log. */
export type TurnLogFault = 'newer' | 'corrupt' | 'full' | 'key_reused' | 'unavailable'

/** Error of the log of turns. */
export class TurnLogError extends Error {
  override readonly name = 'TurnLogError'
  readonly fault: TurnLogFault

  /** @param message - what is wrong, and what to do */
  constructor(fault: TurnLogFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.fault = fault
  }
}
