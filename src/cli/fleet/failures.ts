import type { AgentStatus } from '../../api/fleet/types.ts'
import { Wrap } from '../wrap.ts'
import { isFailed, reasonOf } from './agent-rows.ts'
import type { FrameOptions } from './frame-options.ts'
import { clip } from './table.ts'
import { counted } from './units.ts'

/** Width from which the table of agents has room for whole errors. */
const wholeWidth = 200

/** Maximum number of lines of an error. */
const mostLines = 3
/** Least number of lines that all errors together may take. */
const leastLines = 3

/**
 * Returns the errors of failed agents, each with its agent; no lines if the width is enough for the table to show
 * the whole errors.
 */
export function failureLines(
  agents: readonly AgentStatus[],
  { width, height, paint }: Pick<FrameOptions, 'width' | 'height' | 'paint'>,
): string[] {
  if (width >= wholeWidth) return []
  const failed = agents.filter((agent) => isFailed(agent) && agent.error !== undefined)
  const most = Math.max(1, Math.min(failed.length, Math.floor(height / 8)))
  const shown = failed.slice(0, most).flatMap((agent) => wrapped(`✖ ${agent.id}: ${reasonOf(agent)}`, width))
  const more = failed.length - most
  const rest = more > 0 ? [clip(`… ${counted(more, 'more failed agent')}`, width)] : []
  const room = Math.max(leastLines, Math.floor(height / 6))
  return [...shown.slice(0, room), ...rest].map((line) => paint('red', line))
}

/** Returns a text in lines of at most `width` characters, indented from the second line on. */
function wrapped(text: string, width: number): string[] {
  const lines = new Wrap(2, width).push(text).split('\n')
  const shown = lines.slice(0, mostLines)
  return shown.map((line, i) =>
    clip(i === mostLines - 1 && lines.length > mostLines ? `${line.trimEnd()}…` : line.trimEnd(), width),
  )
}
