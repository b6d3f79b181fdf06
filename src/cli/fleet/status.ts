import { setTimeout as sleep } from 'node:timers/promises'
import { exitCode, UsageError } from '../exit-codes.ts'
import { pathFrom, type FleetStatusFlags } from '../flags.ts'
import { paintFor } from '../log-entries.ts'
import type { Output } from '../output.ts'
import { Shutdown } from '../shutdown.ts'
import type { Std } from '../std.ts'
import { formatFleet } from './frame.ts'
import { readFleet, type FleetReport } from './read-status.ts'
import { Redraw, type Look } from './redraw.ts'

/** Interval between two looks at the status with `--watch`, in ms. */
const intervalMs = 1_000

/** Waits until the next look at the status, or until the signal aborts. */
export type Pause = (signal: AbortSignal) => Promise<unknown>

const pauseOf: Pause = (signal) => sleep(intervalMs, undefined, { signal }).catch(() => undefined)

/**
 * Runs `opencode-runtime fleet status`: shows the last status of a fleet, and whether the fleet runs. Changes
 * nothing. Resolves with the exit code.
 *
 * @throws UsageError if the directory has no status that can be shown
 */
export async function fleetStatus(flags: FleetStatusFlags, std: Std, pause = pauseOf): Promise<number> {
  const dataDir = pathFrom('--data-dir', flags.dataDir)
  std.content = 'the status'
  if (flags.watch === true) return watch(dataDir, flags, std, pause)
  const report = await readFleet(dataDir)
  const lines = linesOf(report, flags, std.out, false)
  await std.out.write(`${lines.join('\n')}\n`)
  return report.holder === undefined ? exitCode.checkFailed : exitCode.final
}

/** Shows the status again whenever it changes, until a signal or the reader of stdout ends the command. */
async function watch(dataDir: string, flags: FleetStatusFlags, { out }: Std, pause: Pause): Promise<number> {
  // The first look rejects for a wrong directory; later, the directory may come and go.
  await readFleet(dataDir)
  using shutdown = new Shutdown()
  shutdown.watch(out)
  const redraw = new Redraw(out, flags.json !== true)
  while (!shutdown.requested.aborted) {
    await redraw.show(await look(dataDir, flags, out, redraw.isInPlace))
    await pause(shutdown.requested)
  }
  await redraw.finish()
  return shutdown.exitCode ?? exitCode.final
}

async function look(
  dataDir: string,
  flags: FleetStatusFlags,
  out: Output,
  isInPlace: boolean,
): Promise<Look> {
  try {
    const report = await readFleet(dataDir)
    const { status, holder } = report
    return { lines: linesOf(report, flags, out, isInPlace), key: JSON.stringify([status, holder]) }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const line = flags.json === true ? JSON.stringify({ error: error.message }) : error.message
    return { lines: [line], key: line }
  }
}

/** Rows of a terminal that are left for the prompt of the shell. */
const promptRows = 1

function linesOf(report: FleetReport, flags: FleetStatusFlags, out: Output, isInPlace: boolean): string[] {
  if (flags.json === true) return [jsonOf(report)]
  const isWhole = !out.isTTY || (flags.all === true && !isInPlace)
  const height = isWhole ? Infinity : out.height - promptRows
  return formatFleet(report, { now: Date.now(), width: out.width, height, paint: paintFor(out.stream) })
}

/** Returns the status as one line of JSON, with the process that has the fleet. */
function jsonOf({ status, holder }: FleetReport): string {
  const fleet = holder
    ? { running: true, pid: holder.pid, host: holder.host, since: holder.at }
    : { running: false }
  return JSON.stringify({ ...status, fleet })
}
