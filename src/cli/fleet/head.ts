import type { FleetStatus } from '../../api/fleet/types.ts'
import type { Style } from '../log-entries.ts'
import { isFailed } from './agent-rows.ts'
import type { FrameOptions } from './frame-options.ts'
import type { FleetReport } from './read-status.ts'
import { clip } from './table.ts'
import { ago, counted, duration, ofMebibytes } from './units.ts'

/** Returns the lines about the fleet itself: its folder, whether it runs, and the age of its status. */
export function headLines(
  { dataDir, status, holder }: FleetReport,
  { now, width, paint }: FrameOptions,
): string[] {
  const title = paint('bold', clip(`fleet ${dataDir}`, width))
  const state =
    holder === undefined
      ? 'does not run'
      : `runs in process ${holder.pid} on ${holder.host}, for ${duration(now - holder.at)}`
  const line = paint(holder === undefined ? 'red' : 'green', clip(state, width))
  const age = status === undefined ? 'no status has been written yet' : ageOf(status, holder, now)
  const isOneLine = state.length + 2 + age.length <= width
  return isOneLine ? [title, `${line}; ${age}`] : [title, line, clip(age, width)]
}

function ageOf({ at }: FleetStatus, holder: FleetReport['holder'], now: number): string {
  if (holder === undefined) return `last status: ${ago(at, now)}`
  if (at < holder.at) return `no status yet; the last status is of an earlier fleet: ${ago(at, now)}`
  return `last change: ${ago(at, now)}`
}

interface Part {
  text: string
  style?: Style | false
}

/** Returns the lines about the load: servers, turns, memory, and the number of agents. */
export function loadLines(status: FleetStatus, { width, paint }: FrameOptions): string[] {
  return inLines(partsOf(status), width).map((line) =>
    line.map(({ text, style }) => (style ? paint(style, text) : text)).join(between),
  )
}

const between = '   '

function partsOf({ servers, turns, memory, agents }: FleetStatus): Part[] {
  const starting = servers.starting > 0 ? `, ${servers.starting} starting` : ''
  const failed = agents.filter(isFailed).length
  const isFull = memory.usedMb > memory.budgetMb
  return [
    { text: `servers ${servers.running} of ${servers.max}${starting}` },
    { text: `turns ${turns.running} of ${turns.max}, ${turns.queued} queued` },
    { text: `memory ${ofMebibytes(memory.usedMb, memory.budgetMb)}`, style: isFull && 'yellow' },
    {
      text: `${counted(agents.length, 'agent')}${failed > 0 ? `, ${failed} failed` : ''}`,
      style: failed > 0 && 'red',
    },
  ]
}

/** Returns parts in lines of at most `width` characters. */
function inLines(parts: readonly Part[], width: number): Part[][] {
  const lines: Part[][] = []
  let used = Infinity
  for (const part of parts) {
    const text = clip(part.text, width)
    if (used + between.length + text.length > width) {
      lines.push([])
      used = -between.length
    }
    lines.at(-1)?.push({ ...part, text })
    used += between.length + text.length
  }
  return lines
}
