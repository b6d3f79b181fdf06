import { describe, expect, it } from 'vitest'
import type { SystemClock } from '../../../../src/actors/clock.ts'
import { RequestBoard } from '../../../../src/cluster/actors/mailbox/request-board.ts'
import { MemoryCluster } from '../../../../src/cluster/store/memory/memory-store.ts'
import type { TurnFact } from '../../../../src/cluster/turn-facts.ts'
import type { InputRequest } from '../../../../src/replies.ts'
import { SteppedClock } from '../../../support/stepped-clock.ts'

const request: InputRequest = {
  ...{ type: 'permission', id: 'p1', sessionId: 'ses_1', child: false },
  ...{ permission: 'bash', patterns: ['ls'], metadata: {} },
}
const asked: TurnFact = {
  kind: 'request',
  pending: { request, turnId: 't1', traceId: null, at: 0, expiresAt: 60_000 },
}
const closed: TurnFact = { kind: 'request_closed', requestId: 'p1', by: 'answer' }

describe('The list of the open requests of a turn', () => {
  it('is stored as it is, at whatever moment of its storing it changes', async () => {
    for (let moment = 0; moment < 40; moment++) {
      const cluster = new MemoryCluster()
      const clock = new SteppedClock()
      const board = new RequestBoard({
        ...{ requests: cluster.connect().requests, agent: { tenant: 'acme', agentId: 'a1' }, turnId: 't1' },
        ...{ epoch: 1, clock: clock as SystemClock, signal: new AbortController().signal },
      })
      board.note(asked)
      for (let i = 0; i < moment; i++) await Promise.resolve()
      board.note(closed)
      await clock.advance(1_000)
      await board.saved()
      expect({ moment, left: cluster.requests.entry('acme.a1.t1') }).toEqual({ moment, left: undefined })
    }
  })
})
