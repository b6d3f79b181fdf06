import type { Attributes, Meter, MeterProvider } from '@opentelemetry/api'
import { ignoreErrors } from '../util/ignore-errors.ts'
import type { CompiledOptions } from '../config/options.ts'
import type { ReadAgent } from './agent-labels.ts'
import { scope, type Api } from './api.ts'
import { instruments, type Instrument, type InstrumentName } from './instruments.ts'

type Write = (value: number, attributes: Attributes) => void

/** OpenTelemetry's API, the instruments of this package, the options of the observed server, and its agent. */
export interface Telemetry {
  api: Api
  meters: Meters
  options: CompiledOptions
  agent: ReadAgent
}

/**
 * Instruments of this package, each created on first write.
 * A meter of the API stays without effect if the SDK is set up later. The instruments are therefore recreated when
 * the provider changes. Never throws: if a meter throws, only that value is lost.
 */
export class Meters {
  readonly #api: Api
  readonly #writers = new Map<InstrumentName, Write>()
  #provider: MeterProvider | undefined

  constructor(api: Api) {
    this.#api = api
  }

  /** Adds a value to a counter, or records a value in a histogram. */
  write(name: InstrumentName, value: number, attributes: Attributes): void {
    ignoreErrors(() => this.#writer(name)(value, attributes))
  }

  /** Adds 1 to a counter. Returns a function that subtracts 1 again, from the same instrument. */
  increment(name: InstrumentName, attributes: Attributes): () => void {
    const write = ignoreErrors(() => this.#writer(name))
    ignoreErrors(() => write?.(1, attributes))
    return () => ignoreErrors(() => write?.(-1, attributes))
  }

  #writer(name: InstrumentName): Write {
    const provider = this.#api.metrics.getMeterProvider()
    if (provider !== this.#provider) this.#writers.clear()
    this.#provider = provider
    const known = this.#writers.get(name)
    if (known) return known
    const made = make(provider.getMeter(scope.name, scope.version), instruments[name])
    this.#writers.set(name, made)
    return made
  }
}

function make(meter: Meter, { kind, name, boundaries, ...options }: Instrument): Write {
  if (kind === 'histogram') {
    const advice = boundaries && { explicitBucketBoundaries: [...boundaries] }
    const histogram = meter.createHistogram(name, { ...options, ...(advice && { advice }) })
    return (value, attributes) => histogram.record(value, attributes)
  }
  const counter =
    kind === 'counter' ? meter.createCounter(name, options) : meter.createUpDownCounter(name, options)
  return (value, attributes) => counter.add(value, attributes)
}
