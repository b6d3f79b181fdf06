import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { markerVariable } from './environment.ts'

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
  const wanted = `${markerVariable}=${marker}`
  const pids = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
  const left = pids.filter((pid) => isInGroup(pid, leader) || carries(pid, wanted))
  // One that is just starting another program shows no environment for a moment: those are looked at once more.
  const between = pids.filter((pid) => readProc(pid, 'environ') === '' && hasProgram(pid))
  return [...new Set([...left, ...between.filter((pid) => carries(pid, wanted))])]
}

/** Whether a process carries a spawn's marker; `undefined` where its environment cannot be read. */
export function carriesMarker(pid: number, marker: string): boolean | undefined {
  const environment = readProc(pid, 'environ')
  return environment === '' ? undefined : environment.split('\0').includes(`${markerVariable}=${marker}`)
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
  const stat = readProc(pid, 'stat')
  // The command may hold spaces and parentheses; the fields begin after its last one: state, ppid, pgrp.
  const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(group) === leader && state !== 'Z' && state !== 'X'
}

function carries(pid: number, wanted: string): boolean {
  return readProc(pid, 'environ').split('\0').includes(wanted)
}

function readProc(pid: number, file: 'stat' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    return ''
  }
}

function sendSignal(target: number, signal: GroupSignal): boolean {
  try {
    return process.kill(target, signal)
  } catch {
    return false
  }
}
