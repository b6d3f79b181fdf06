import { readlinkSync } from 'node:fs'
import { markerVariable } from './environment.ts'
import { listPids, readProc, readStat } from './proc.ts'

/** A process group's signals that matter here. */
export type GroupSignal = 'SIGTERM' | 'SIGKILL'

/** Sends a signal to a process group; one that is gone is fine. */
export function signalGroup(leader: number, signal: GroupSignal): void {
  sendSignal(-leader, signal)
}

/**
 * Kills what a spawn left: its process group, and whatever carries its marker (bash tools run in sessions of their
 * own, which no group signal reaches). Returns how many were still there. Linux finds carriers in `/proc`; elsewhere
 * only the group is reached.
 */
export function killLeftovers(leader: number | undefined, marker: string): number {
  if (process.platform !== 'linux') return killGroup(leader)
  const left = findLeftovers(leader, marker)
  for (const pid of left) sendSignal(pid, 'SIGKILL')
  return left.length
}

function killGroup(leader: number | undefined): number {
  return leader !== undefined && sendSignal(-leader, 'SIGKILL') ? 1 : 0
}

/** The pids of a group, and of all that carry a marker; zombies are gone already. */
export function findLeftovers(leader: number | undefined, marker: string): number[] {
  const pids = listPids().filter((pid) => pid !== process.pid)
  const found = pids.map((pid) => ({ pid, environment: environmentOf(pid) }))
  const left = found.filter(({ pid, environment }) => carries(environment, marker) || isInGroup(pid, leader))
  // One that is just starting another program shows no environment for a moment: those are looked at once more.
  const between = found.filter(({ pid, environment }) => environment === '' && hasProgram(pid))
  const late = between.filter(({ pid }) => carries(environmentOf(pid), marker))
  return [...new Set([...left, ...late].map(({ pid }) => pid))]
}

/** Whether a process carries a spawn's marker; `undefined` where its environment cannot be read. */
export function carriesMarker(pid: number, marker: string): boolean | undefined {
  const environment = environmentOf(pid)
  return environment === '' ? undefined : carries(environment, marker)
}

/** Neither a kernel thread nor a zombie. */
function hasProgram(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) !== ''
  } catch {
    return false
  }
}

function isInGroup(pid: number, leader: number | undefined): boolean {
  if (leader === undefined) return false
  const stat = readStat(pid)
  return stat?.group === leader && !stat.hasEnded
}

function carries(environment: string, marker: string): boolean {
  const wanted = `${markerVariable}=${marker}`
  return environment.includes(wanted) && environment.split('\0').includes(wanted)
}

const environmentOf = (pid: number): string => readProc(`${pid}/environ`) ?? ''

function sendSignal(target: number, signal: GroupSignal): boolean {
  try {
    return process.kill(target, signal)
  } catch {
    return false
  }
}
