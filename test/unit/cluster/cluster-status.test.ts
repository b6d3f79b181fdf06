import { describe, expect, it } from 'vitest'
import { clusterStatus } from '../../../src/cluster/cluster-status.ts'
import { emptyRoster, noteHost, noteRenewed } from '../../../src/cluster/liveness.ts'
import type { HostRecord } from '../../../src/cluster/store/records.ts'

const record = (more: Partial<HostRecord> = {}): HostRecord => ({
  ...{ incarnation: 'i', beat: 1, state: 'up', max: 16, used: 2, opencode: '' },
  ...more,
})

describe('clusterStatus', () => {
  it('lists hosts by id with their states, without dead ones, and the owners of agents', () => {
    let roster = [0, 400, 800, 1_200].reduce(noteRenewed, emptyRoster(1_000))
    const seen: [string, HostRecord, number][] = [
      ['h3', record({ state: 'draining' }), 1_100],
      ['h2', record({ used: 3 }), 500],
      ['h1', record(), 1_100],
      ['h0', record(), 0],
    ]
    seen.forEach(
      ([id, host, now], i) => (roster = noteHost(roster, id, { record: host, revision: i + 1, now })),
    )
    const place = { epoch: 4, hostId: 'h1', incarnation: 'i', last: null }
    expect(clusterStatus({ roster, places: [['acme.a1', { record: place }]], now: 1_200, at: 77 })).toEqual({
      at: 77,
      hosts: [
        { id: 'h1', state: 'up', max: 16, used: 2 },
        { id: 'h2', state: 'doubtful', max: 16, used: 3 },
        { id: 'h3', state: 'draining', max: 16, used: 2 },
      ],
      places: [{ agentId: 'a1', tenant: 'acme', hostId: 'h1', epoch: 4 }],
    })
  })
})
