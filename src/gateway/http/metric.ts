/** Value of a metric, with its labels. */
export interface MetricSample {
  value: number
  labels?: Readonly<Record<string, string>>
}

/** Metric of a gateway, as `/metrics` shows it. */
export interface Metric {
  name: string
  help: string
  type: 'counter' | 'gauge'
  samples: readonly MetricSample[]
}
