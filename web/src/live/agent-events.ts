import { signal, type ReadonlySignal, type Signal } from '@preact/signals-core'
import { api } from '../api/client.ts'
import type { FleetEvent } from '../api/types.ts'

/** Most events of an agent that a page keeps. */
const most = 500

/** Events of the agents that a page shows. */
export class AgentEvents {
  readonly #agents = new Map<string, Signal<readonly FleetEvent[]>>()

  /** Returns the events of an agent: those that the gateway keeps, then live ones; each once, the oldest first. */
  of(id: string): ReadonlySignal<readonly FleetEvent[]> {
    const known = this.#agents.get(id)
    if (known) return known
    const events = signal<readonly FleetEvent[]>([])
    this.#agents.set(id, events)
    this.#load(id)
    return events
  }

  /** Adds live events. */
  add(events: readonly FleetEvent[]): void {
    for (const id of this.#agents.keys()) {
      const own = events.filter(({ agent_id }) => agent_id === id)
      if (own.length > 0) this.#merge(id, own)
    }
  }

  /** Reads the kept events again, after events may have been missed: another gateway has other numbers for them. */
  reload(): void {
    for (const [id, own] of this.#agents) {
      own.value = []
      this.#load(id)
    }
  }

  #load(id: string): void {
    api.agentEvents(id, most).then(
      (events) => this.#merge(id, events),
      // The agent is gone, or the gateway does not answer: the next snapshot reads the events again.
      () => undefined,
    )
  }

  #merge(id: string, events: readonly FleetEvent[]): void {
    const own = this.#agents.get(id)
    if (own) own.value = merged(own.value, events)
  }
}

/** Returns two lists of events as one: each event once, the oldest first, the last ones only. */
export function merged(a: readonly FleetEvent[], b: readonly FleetEvent[]): readonly FleetEvent[] {
  const all = new Map([...a, ...b].map((event) => [event.seq, event]))
  return [...all.values()].sort((one, other) => one.seq - other.seq).slice(-most)
}
