import type { AgentStatus } from '../../api/fleet/types.ts'
import { agentColumns, inOrder } from './agent-rows.ts'
import { failureLines } from './failures.ts'
import { headLines, loadLines } from './head.ts'
import type { FrameOptions } from './frame-options.ts'
import type { FleetReport } from './read-status.ts'
import { clip, formatTable } from './table.ts'
import { tenantLines } from './tenants.ts'
import { counted } from './units.ts'

/** Returns the status of a fleet as lines: whether it runs, its load, its tenants, and its agents. */
export function formatFleet(report: FleetReport, options: FrameOptions): string[] {
  const { status } = report
  const head = headLines(report, options)
  if (!status) return head
  const agents = inOrder(status.agents)
  const parts = [
    [...head, ...loadLines(status, options)],
    tenantLines(status, options),
    failureLines(agents, options),
  ].filter((part) => part.length > 0)
  const above = parts.flatMap((part) => [...part, ''])
  return [...above, ...agentLines(agents, { ...options, height: options.height - above.length })]
}

/** Least number of agents that are shown, also if they do not fit. */
const leastAgents = 2

function agentLines(sorted: readonly AgentStatus[], { now, width, height, paint }: FrameOptions): string[] {
  if (sorted.length === 0) return [clip('no agents: declare them with fleet.apply() or fleet.put()', width)]
  // The titles take one line, and the number of the other agents another one.
  const room = sorted.length <= height - 1 ? sorted.length : Math.max(leastAgents, height - 2)
  const rest = sorted.slice(room)
  const more = rest.length > 0 ? [paint('dim', clip(moreText(rest), width))] : []
  return [...formatTable(agentColumns(now), sorted.slice(0, room), width, paint), ...more]
}

/** Returns the number of agents that are not shown, by state. */
function moreText(rest: readonly AgentStatus[]): string {
  const counts = new Map<string, number>()
  for (const { state } of rest) counts.set(state, (counts.get(state) ?? 0) + 1)
  const states = [...counts].map(([state, count]) => `${count} ${state}`).join(', ')
  return `… ${counted(rest.length, 'more agent')} (--all): ${states}`
}
