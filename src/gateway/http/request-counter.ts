import type { MetricSample } from './metric.ts'

/** Number of answers of each route, by status code. */
export class RequestCounter {
  readonly #counts = new Map<string, { route: string; status: string; count: number }>()

  /** Counts an answer. */
  add(route: string, status: number): void {
    const key = `${route} ${status}`
    const known = this.#counts.get(key) ?? { route, status: String(status), count: 0 }
    known.count += 1
    this.#counts.set(key, known)
  }

  get samples(): MetricSample[] {
    return [...this.#counts.values()].map(({ count, ...labels }) => ({ value: count, labels }))
  }
}
