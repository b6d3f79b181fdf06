import { describe, expect, it, vi } from 'vitest'
import { ProcessTable, type ProcessEntry } from '../../../../src/io/process/process-table.ts'

/** Returns a process, by its start. */
const entry = (pid: number, parent: number, group: number, start = 100): ProcessEntry => ({
  ...{ pid, parent, group, start },
})

describe('treeOf', () => {
  const entries = [
    entry(50, 42, 50), // Left the group; a child of the leader.
    entry(51, 50, 51), // A grandchild.
    entry(42, 1, 42),
    entry(43, 1, 42), // Lost its parent, and is still in the group.
    entry(60, 1, 60), // Carries the marker only.
    entry(61, 60, 61), // A child of that process.
    entry(70, 1, 70), // Of another spawn.
    entry(71, 70, 71),
    entry(1, 0, 1, 0),
  ]
  const markers: Record<number, string> = { 42: 'ours', 60: 'ours', 70: 'theirs' }
  const markerOf = (pid: number) => markers[pid]

  it('returns the group, the processes that carry the marker, and the descendants of both', () => {
    const table = new ProcessTable(entries, markerOf)
    expect(table.treeOf(42, 'ours').sort()).toEqual([42, 43, 50, 51, 60, 61])
    expect(table.treeOf(70, 'theirs').sort()).toEqual([70, 71])
  })

  it('finds the marked processes of a spawn whose leader has ended', () => {
    const left = entries.filter(({ group, pid }) => group !== 42 && pid !== 50)
    expect(new ProcessTable(left, markerOf).treeOf(42, 'ours').sort()).toEqual([60, 61])
  })

  it('reads the marker of a process once, and never of a process that is older than the spawn', () => {
    const readMarker = vi.fn(markerOf)
    const table = new ProcessTable([...entries, entry(2, 0, 2, 99)], readMarker)
    for (let i = 0; i < 3; i++) table.treeOf(42, 'ours')
    const asked = readMarker.mock.calls.map(([pid]) => pid)
    expect(asked).toHaveLength(new Set(asked).size)
    for (const pid of [1, 2, 50]) expect(asked).not.toContain(pid)
  })
})
