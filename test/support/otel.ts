import { context, metrics, trace, type Attributes } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { DataPointType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { expect, onTestFinished } from 'vitest'

/** Reader of metrics without an interval. */
class ManualReader extends MetricReader {
  protected onForceFlush(): Promise<void> {
    return Promise.resolve()
  }

  protected onShutdown(): Promise<void> {
    return Promise.resolve()
  }
}

/** Value of a metric; for a histogram count, sum and boundaries. */
export interface Point {
  attributes: Attributes
  value: number
  count?: number
  boundaries?: number[]
}

/** Installs OpenTelemetry's SDK globally, with exporters in memory, until the test finishes. */
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
    /** Returns the ended spans, or those with a name. */
    spans: (name?: string) =>
      exporter.getFinishedSpans().filter((span) => name === undefined || span.name === name),
    /** Returns the values of an instrument, one for each set of attributes. */
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
    /** Returns the names of the instruments with a value. */
    names: async () => (await collect()).map(({ descriptor }) => descriptor.name).sort(),
    /** Returns all spans and metrics as text. */
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

/** Removes the SDK, as in a host without an SDK. */
export function forget(): void {
  trace.disable()
  metrics.disable()
  context.disable()
}
