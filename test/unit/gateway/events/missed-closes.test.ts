import { Subject } from 'rxjs'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { SeenEvent } from '../../../../src/gateway/events/agent-source.ts'
import { withMissedCloses } from '../../../../src/gateway/events/missed-closes.ts'
import type { ClosedRequest } from '../../../../src/gateway/turns/turn-source.ts'
import { startedEvent } from '../../../support/reports.ts'

const request = (requestId: string): ClosedRequest => ({
  requestId,
  turnId: 't1',
  agentId: 'a1',
  tenant: 'acme',
})
const closedEvent = (requestId: string): SeenEvent => ({
  ...{ ...request(requestId), seq: 3, at: 5, type: 'request.closed', by: 'answer', hostId: 'h2' },
})

it('tells the end of a request once: by its event, else by the list that has it no more', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const [events$, closed$] = [new Subject<SeenEvent>(), new Subject<ClosedRequest>()]
  const seen: SeenEvent[] = []
  const subscription = withMissedCloses(events$, closed$, 1_000).subscribe((event) => seen.push(event))
  events$.next(startedEvent('a1'))
  events$.next(closedEvent('before'))
  for (const id of ['before', 'after', 'never', 'never']) closed$.next(request(id))
  vi.advanceTimersByTime(900)
  events$.next(closedEvent('after'))
  expect(seen).toEqual([startedEvent('a1'), closedEvent('before'), closedEvent('after')])
  vi.advanceTimersByTime(2_000)
  expect(seen.slice(3)).toMatchObject([
    { type: 'request.closed', requestId: 'never', by: 'turn', turnId: 't1' },
  ])
  // A report that was late.
  events$.next(closedEvent('never'))
  expect(seen).toHaveLength(4)
  closed$.next(request('late'))
  subscription.unsubscribe()
  expect(vi.getTimerCount()).toBe(0)
})
