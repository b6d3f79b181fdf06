import { markerOf } from './processes.ts'
import { listPids, readStat } from './proc.ts'

/** Process in a {@link ProcessTable}. */
export interface ProcessEntry {
  pid: number
  /** Pid of the parent. */
  parent: number
  /** Id of the process group. */
  group: number
  /** Start time, in ticks since the boot; 0 if unknown. */
  start: number
}

/** Processes of the host at one moment. */
export class ProcessTable {
  readonly #entries: readonly ProcessEntry[]
  readonly #markerOf: (pid: number) => string | undefined
  readonly #markers = new Map<number, string | undefined>()

  /** @param readMarker - returns the marker that a process carries; asked at most once for each process */
  constructor(
    entries: readonly ProcessEntry[],
    readMarker: (pid: number) => string | undefined = () => undefined,
  ) {
    this.#entries = entries
    this.#markerOf = readMarker
  }

  /**
   * Returns the pids of a spawn's whole tree: its process group, the processes that carry its marker, and the
   * descendants of all of them. A command may leave the group, lose its parent or drop the marker, but seldom
   * does all three.
   */
  treeOf(leader: number, marker: string): number[] {
    const start = this.#entries.find(({ pid }) => pid === leader)?.start ?? 0
    const tree = new Set(this.#entries.filter(({ group }) => group === leader).map(({ pid }) => pid))
    this.#addDescendants(tree)
    // A process that started before the spawn is not of the spawn, so its environment is not read.
    for (const { pid, start: own } of this.#entries)
      if (own >= start && !tree.has(pid) && this.#marker(pid) === marker) tree.add(pid)
    this.#addDescendants(tree)
    return [...tree]
  }

  #addDescendants(tree: Set<number>): void {
    let size = -1
    while (size !== tree.size) {
      size = tree.size
      for (const { pid, parent } of this.#entries) if (tree.has(parent)) tree.add(pid)
    }
  }

  #marker(pid: number): string | undefined {
    if (!this.#markers.has(pid)) this.#markers.set(pid, this.#markerOf(pid))
    return this.#markers.get(pid)
  }
}

/** Time for which a table is used again, in ms. Servers that are measured in one second share one pass. */
const freshMs = 1_000

let latest: { table: ProcessTable; at: number } | undefined

/**
 * Returns the pids of a spawn's whole tree that `/proc` showed, at most a second ago; see
 * {@link ProcessTable.treeOf}.
 * @throws HostFaultError if the host cannot read `/proc` at the moment
 */
export function treePids(leader: number, marker: string): number[] {
  const now = performance.now()
  const known = latest && now - latest.at < freshMs ? latest.table.treeOf(leader, marker) : []
  // A spawn that the latest pass did not see may be new.
  if (known.length > 0) return known
  const table = readTable()
  latest = { table, at: now }
  return table.treeOf(leader, marker)
}

function readTable(): ProcessTable {
  const entries = listPids().flatMap((pid) => {
    const stat = readStat(pid)
    if (stat === undefined || stat.hasEnded) return []
    return [{ pid, parent: stat.parent, group: stat.group, start: Number(stat.startTicks) }]
  })
  return new ProcessTable(entries, markerOf)
}
