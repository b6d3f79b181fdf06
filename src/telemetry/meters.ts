import type { Attributes, Meter, MeterProvider } from '@opentelemetry/api'
import { quietly } from '../util/quietly.ts'
import { scope, type Api } from './api.ts'
import { instruments, type Instrument, type InstrumentName } from './instruments.ts'

type Write = (value: number, attributes: Attributes) => void

/**
 * Our instruments, each made when it is first written to. The API knows no meter that turns real once an SDK is set up:
 * they are made anew where the provider has changed. Never throws: a meter that does loses the value.
 */
export class Meters {
  readonly #api: Api
  readonly #writers = new Map<InstrumentName, Write>()
  #provider: MeterProvider | undefined

  constructor(api: Api) {
    this.#api = api
  }

  /** Adds to a counter, or records a value of a histogram. */
  write(name: InstrumentName, value: number, attributes: Attributes): void {
    quietly(() => this.#writer(name)(value, attributes))
  }

  /** Counts one in; what it returns counts it out again, from the same instrument. */
  enter(name: InstrumentName, attributes: Attributes): () => void {
    const write = quietly(() => this.#writer(name))
    quietly(() => write?.(1, attributes))
    return () => quietly(() => write?.(-1, attributes))
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
