import { context, metrics, trace, type Attributes } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { DataPointType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { expect, onTestFinished } from 'vitest'

/** Reads metrics when it is asked. */
class ManualReader extends MetricReader {
  protected onForceFlush(): Promise<void> {
    return Promise.resolve()
  }

  protected onShutdown(): Promise<void> {
    return Promise.resolve()
  }
}

/** A value of a metric; of a histogram its count, sum and boundaries. */
export interface Point {
  attributes: Attributes
  value: number
  count?: number
  boundaries?: number[]
}

/** OpenTelemetry's own SDK, in memory, as the global one while the test runs. */
export function useOpenTelemetry() {
  const exporter = new InMemorySpanExporter()
  const tracing = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  const reader = new ManualReader()
  const metering = new MeterProvider({ readers: [reader] })
  trace.setGlobalTracerProvider(tracing)
  metrics.setGlobalMeterProvider(metering)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  onTestFinished(forget)

  const collect = async () => {
    const { resourceMetrics, errors } = await reader.collect()
    expect(errors).toEqual([])
    return resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)
  }
  return {
    /** The spans that have ended, by their name. */
    spans: (name?: string) =>
      exporter.getFinishedSpans().filter((span) => name === undefined || span.name === name),
    /** The values of an instrument, one for each set of attributes. */
    async points(name: string): Promise<Point[]> {
      const metric = (await collect()).find(({ descriptor }) => descriptor.name === name)
      if (metric?.dataPointType === DataPointType.HISTOGRAM)
        return metric.dataPoints.map(({ attributes, value }) => ({
          attributes,
          value: value.sum ?? NaN,
          count: value.count,
          boundaries: value.buckets.boundaries,
        }))
      if (metric?.dataPointType !== DataPointType.SUM) return []
      return metric.dataPoints.map(({ attributes, value }) => ({ attributes, value }))
    },
    /** The instruments that have a value. */
    names: async () => (await collect()).map(({ descriptor }) => descriptor.name).sort(),
    /** Everything there is, as text. */
    async text(): Promise<string> {
      const shown = exporter.getFinishedSpans().map(({ name, attributes, events, status, links }) => ({
        name,
        attributes,
        events,
        status,
        links,
      }))
      return JSON.stringify([shown, await collect()])
    },
  }
}

/** No SDK any more: what a host without one has. */
export function forget(): void {
  trace.disable()
  metrics.disable()
  context.disable()
}
