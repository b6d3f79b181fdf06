/** Definition of a metric. */
export interface Instrument {
  kind: 'counter' | 'upDownCounter' | 'histogram'
  name: string
  /** Unit in UCUM, as OpenTelemetry requires. */
  unit: string
  description: string
  /** Bucket boundaries of a histogram. */
  boundaries?: readonly number[]
}

const times = (count: number, from: number, factor: number): number[] =>
  Array.from({ length: count }, (_, i) => Number((from * factor ** i).toPrecision(10)))

/**
 * Bucket boundaries in seconds: the boundaries of the GenAI conventions (10 ms to 82 s), extended to 44 min,
 * because an agent's turn takes longer than a model call.
 */
const turnSeconds = times(19, 0.01, 2)

/**
 * Instruments by internal name. Metric names and units follow OpenTelemetry's conventions if these define the
 * metric.
 */
export const instruments = {
  starts: {
    kind: 'counter',
    name: 'opencode_runtime.server.starts',
    unit: '{start}',
    description: 'Starts of a server, including restarts, by outcome.',
  },
  timeToHealthy: {
    kind: 'histogram',
    name: 'opencode_runtime.server.time_to_healthy',
    unit: 's',
    description: 'Time from the beginning of a start until the server is healthy.',
    boundaries: [0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 20, 30, 45, 60, 120],
  },
  restarts: {
    kind: 'counter',
    name: 'opencode_runtime.server.restarts',
    unit: '{restart}',
    description: 'Restarts of a server, by reason.',
  },
  probeDuration: {
    kind: 'histogram',
    name: 'opencode_runtime.probe.duration',
    unit: 's',
    description: 'Duration of a health probe, by outcome.',
    boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10],
  },
  turns: {
    kind: 'counter',
    name: 'opencode_runtime.turns',
    unit: '{turn}',
    description: 'Ended turns, by outcome.',
  },
  activeTurns: {
    kind: 'upDownCounter',
    name: 'opencode_runtime.turn.active',
    unit: '{turn}',
    description: 'Waiting and running turns.',
  },
  timeToFirstDelta: {
    kind: 'histogram',
    name: 'opencode_runtime.turn.time_to_first_delta',
    unit: 's',
    description: 'Time from turn() to the first delta of the answer, including the wait for the server.',
    boundaries: turnSeconds,
  },
  cost: {
    kind: 'counter',
    name: 'opencode_runtime.turn.cost',
    unit: '{USD}',
    description: 'Cost of turns, by the model prices in the options.',
  },
  duration: {
    kind: 'histogram',
    name: 'gen_ai.client.operation.duration',
    unit: 's',
    description: 'GenAI operation duration.',
    boundaries: turnSeconds,
  },
  tokens: {
    kind: 'histogram',
    name: 'gen_ai.client.token.usage',
    unit: '{token}',
    description: 'Number of input and output tokens used.',
    boundaries: times(14, 1, 4),
  },
  wait: {
    kind: 'histogram',
    name: 'opencode_runtime.fleet.turn.wait',
    unit: 's',
    description: 'Time from turn() until a turn of a fleet runs: the wait for a place, and for the server.',
    boundaries: turnSeconds,
  },
  servers: {
    kind: 'upDownCounter',
    name: 'opencode_runtime.fleet.servers',
    unit: '{server}',
    description: 'Servers of a fleet that hold a place, by state.',
  },
  evictions: {
    kind: 'counter',
    name: 'opencode_runtime.fleet.evictions',
    unit: '{eviction}',
    description:
      'Servers of a fleet that ended so that others can run, or because they were idle, by reason.',
  },
} as const satisfies Record<string, Instrument>

/** Internal name of an instrument. */
export type InstrumentName = keyof typeof instruments
