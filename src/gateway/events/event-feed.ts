import type { AgentStatus } from '../../api/fleet/types.ts'
import { sees, type Caller } from '../access/caller.ts'
import { bytesOf, dataOf, EventStream, frameOf } from '../http/event-stream.ts'
import { eventOnWire } from '../schemas/event.ts'
import { fleetOnWire } from '../schemas/status.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { onAbort } from '../../util/abort-signal.ts'
import type { TurnLog } from '../turns/turn-log.ts'
import type { AgentSource } from './agent-source.ts'
import { EventIds } from './event-ids.ts'
import { EventRing } from './event-ring.ts'
import { visibleStatus } from './visible-status.ts'

/** Most events that are sent at once. */
const mostAtOnce = 256

/** Reader of the events of a fleet. */
export interface EventReader {
  caller: Caller
  /** Id of the last event that the reader has; `undefined` for a new reader, NaN for an id that was never given. */
  after: number | undefined
  /** Time between two events `status`, in ms; without this event if absent. */
  statusMs?: number | undefined
  /** Signals that end the stream. */
  until: readonly AbortSignal[]
  /** Called once when the stream ends, or when the reader goes. */
  onEnd: () => void
}

/** Events of the agents for readers who come, go, stall, and join again. */
export class EventFeed {
  readonly #agents: AgentSource
  readonly #ids: EventIds
  readonly #ring: EventRing
  readonly #mask: (text: string) => string
  /** Id that stands for the events that were missed last; 0 for none. */
  #missedAt = 0

  private constructor(agents: AgentSource, ids: EventIds, ring: EventRing, mask: (text: string) => string) {
    this.#agents = agents
    this.#ids = ids
    this.#ring = ring
    this.#mask = mask
    agents.events$.subscribe((event) => {
      const id = ids.next()
      const { agentId, tenant, type } = event
      // An event of a host with another version may have another form.
      const frame = ignoreErrors(() => frameOf(type, eventOnWire(event, id, mask), id))
      if (frame !== undefined) ring.push({ id, agentId, tenant, frame })
    })
    agents.missed$.subscribe(() => {
      this.#missedAt = ids.next()
      ring.wake()
    })
  }

  /**
   * Starts to keep the events of the agents.
   *
   * @param mask - hides paths of the host in messages
   * @param ring - keeps the last events
   */
  static async open(
    agents: AgentSource,
    log: TurnLog,
    mask: (text: string) => string,
    ring = new EventRing(),
  ): Promise<EventFeed> {
    return new EventFeed(agents, await EventIds.reserve(log, agents.idsAfter), ring, mask)
  }

  /**
   * Returns the events as a stream: a snapshot, then events; or the events after the last one that the reader has, if
   * they are still kept; else `gap`, and a snapshot. A reader that stalls costs a number.
   */
  read(reader: EventReader): ReadableStream<Uint8Array> {
    const { caller, until, onEnd } = reader
    const cursor = new Cursor(reader.after, reader.statusMs)
    const gone = new AbortController()
    const stream = new EventStream({
      next: () => this.#next(cursor, caller, gone.signal),
      until,
      onEnd: () => {
        gone.abort()
        onEnd()
      },
    })
    return stream.body
  }

  async #next(cursor: Cursor, caller: Caller, gone: AbortSignal): Promise<Uint8Array | undefined> {
    while (!gone.aborted) {
      const { after } = cursor
      if (after === undefined || !this.#hasAllAfter(after)) return this.#start(cursor, caller)
      const entries = this.#ring.after(after, mostAtOnce)
      cursor.after = entries.at(-1)?.id ?? after
      const seen = entries.filter(({ agentId, tenant }) => sees(caller, { id: agentId, tenant }))
      if (seen.length > 0) return bytesOf(seen.map(({ frame }) => frame).join(''))
      if (entries.length > 0) continue
      // A reader that has every event gets a status that contains exactly these.
      if (cursor.statusDueMs <= 0) return this.#status(cursor, caller)
      await this.#change(gone, cursor.statusDueMs)
    }
    return undefined
  }

  /** Returns the snapshot for a reader that begins; after a gap, the gap too. */
  #start(cursor: Cursor, caller: Caller): Uint8Array {
    const gap = cursor.after === undefined ? '' : frameOf('gap', { oldest: this.#oldest })
    cursor.after = this.#ids.last
    const status = visibleStatus(this.#agents.status, caller)
    cursor.changed(status.agents)
    return bytesOf(`${gap}${frameOf('snapshot', fleetOnWire(status, this.#mask), cursor.after)}`)
  }

  /** Returns the status of the fleet, with those agents only that have changed since the status before. */
  #status(cursor: Cursor, caller: Caller): Uint8Array {
    const status = visibleStatus(this.#agents.status, caller)
    const agents = cursor.changed(status.agents)
    return bytesOf(frameOf('status', fleetOnWire({ ...status, agents }, this.#mask)))
  }

  /** Returns the last events of an agent that are still kept, as the wire has them; the oldest first. */
  ofAgent(agent: { id: string; tenant: string }, most: number): unknown[] {
    return this.#ring.ofAgent(agent, most).map(({ frame }) => JSON.parse(dataOf(frame)) as unknown)
  }

  /** Returns whether every event after an id is still kept. */
  #hasAllAfter(id: number): boolean {
    return id >= this.#oldest - 1 && id <= this.#ids.last
  }

  get #oldest(): number {
    return Math.max(this.#ring.oldest ?? this.#ids.last + 1, this.#missedAt + 1)
  }

  /** Resolves after the next event, or after a time in ms. */
  async #change(gone: AbortSignal, limitMs: number): Promise<void> {
    let clear = (): void => undefined
    await new Promise<void>((resolve) => {
      const stopWaiting = this.#ring.wait(resolve)
      const stopListening = onAbort(gone, resolve)
      const timer = Number.isFinite(limitMs) ? setTimeout(resolve, limitMs).unref() : undefined
      clear = () => {
        clearTimeout(timer)
        stopWaiting()
        stopListening()
      }
    })
    clear()
  }
}

/** Place of a reader among the events, and the statuses that the reader has got. */
class Cursor {
  after: number | undefined
  readonly #statusMs: number
  /** Agents as they were sent last. The object of an agent stays the same while nothing of it changes. */
  #sent: ReadonlySet<AgentStatus> = new Set()
  #sentAt = performance.now()

  constructor(after: number | undefined, statusMs = Infinity) {
    this.after = after
    this.#statusMs = statusMs
  }

  /** Time until the next event `status`, in ms. */
  get statusDueMs(): number {
    return this.#sentAt + this.#statusMs - performance.now()
  }

  /** Notes that a status is sent, and returns the agents that the reader does not have as they are. */
  changed(agents: readonly AgentStatus[]): AgentStatus[] {
    this.#sentAt = performance.now()
    const changed = agents.filter((agent) => !this.#sent.has(agent))
    if (Number.isFinite(this.#statusMs)) this.#sent = new Set(agents)
    return changed
  }
}
