import type { Metric, MetricSample } from './metric.ts'

/** Returns metrics in the text format of Prometheus. Metrics without samples are left out. */
export function prometheusText(metrics: readonly Metric[]): string {
  const shown = metrics.filter(({ samples }) => samples.length > 0)
  return shown.map(textOf).join('')
}

function textOf({ name, help, type, samples }: Metric): string {
  const lines = samples.map((sample) => `${name}${labelsOf(sample)} ${sample.value}`)
  return [`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n')
}

function labelsOf({ labels = {} }: MetricSample): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escaped(value).replaceAll('"', String.raw`\"`)}"`,
  )
  return pairs.length > 0 ? `{${pairs.join(',')}}` : ''
}

/** Returns a text with a backslash before backslashes and for line breaks. */
const escaped = (text: string): string =>
  text.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`)
