import type { Load } from '../../api/fleet/types.ts'
import type { ReportedTotals } from '../../cluster/reports/fleet-report.ts'

/** Returns the numbers of several hosts together. The cap of a tenant holds over all hosts, and is not added up. */
export function totalsOf(own: ReportedTotals, others: readonly ReportedTotals[]): ReportedTotals {
  const all = [own, ...others]
  const sum = (of: (totals: ReportedTotals) => number): number =>
    all.reduce((total, each) => total + of(each), 0)
  const names = new Set(all.flatMap(({ tenants }) => Object.keys(tenants)))
  return {
    servers: {
      running: sum(({ servers }) => servers.running),
      starting: sum(({ servers }) => servers.starting),
      max: sum(({ servers }) => servers.max),
    },
    turns: loadOf(all.map(({ turns }) => turns)),
    memory: {
      usedMb: sum(({ memory }) => memory.usedMb),
      budgetMb: sum(({ memory }) => memory.budgetMb),
    },
    tenants: Object.fromEntries(
      [...names].map((name) => {
        const each = all.flatMap(({ tenants }) => tenants[name] ?? [])
        const [{ weight, turns: { max } } = { weight: 1, turns: { max: 0 } }] = each
        return [name, { weight, turns: { ...loadOf(each.map(({ turns }) => turns)), max } }]
      }),
    ),
  }
}

const loadOf = (loads: readonly Load[]): Load => ({
  running: loads.reduce((sum, { running }) => sum + running, 0),
  queued: loads.reduce((sum, { queued }) => sum + queued, 0),
  max: loads.reduce((sum, { max }) => sum + max, 0),
})
