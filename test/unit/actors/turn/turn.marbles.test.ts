import { EMPTY, switchMap, take, type Observable } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { describe, expect, it } from 'vitest'
import { isTerminal, type Reply, type Turn } from '../../../../src/index.ts'
import { noUsage } from '../../../../src/replies.ts'
import { coldTurn } from '../../../../src/api/cold-turn.ts'

const delta = (content: string): Reply => ({ kind: 'delta', trace_id: null, content })
const final = (content: string): Reply => ({
  kind: 'final',
  trace_id: null,
  content,
  finish_reason: 'stop',
  usage: noUsage(),
})
const replies = { a: delta('a'), b: delta('b'), x: delta('x'), F: final('ab'), G: final('x') }

const scheduler = () => new TestScheduler((actual, expected) => expect(actual).toEqual(expected))

/** Returns a turn with the drawn replies, which records its cancellation. */
function drawn(replies$: Observable<Reply>, cancel: () => void): Turn {
  return {
    id: 'drawn',
    traceId: null,
    replies$,
    requests$: EMPTY,
    openRequests: [],
    openRequests$: EMPTY,
    todos$: EMPTY,
    answer: () => Promise.reject(new Error('no request here')),
    status$: EMPTY,
    done: new Promise(() => undefined),
    output: new Promise(() => undefined),
    text: () => new Promise(() => undefined),
    sessionId: Promise.resolve(undefined),
    usage: noUsage(),
    changes: () => Promise.resolve([]),
    cancel,
    [Symbol.asyncIterator]: () => {
      throw new Error('not read here')
    },
  }
}

describe('turn$', () => {
  it('starts a turn for each subscription', () => {
    let started = 0
    scheduler().run(({ cold, expectObservable }) => {
      const turn$ = coldTurn(() => {
        started++
        return drawn(cold('a-b-(F|)', replies), () => undefined)
      })
      expectObservable(turn$).toBe('a-b-(F|)', replies)
      expectObservable(turn$, '--^').toBe('--a-b-(F|)', replies)
    })
    expect(started).toBe(2)
  })

  it('is cancelled by switchMap when the next prompt arrives', () => {
    const cancelled: string[] = []
    scheduler().run(({ cold, hot, expectObservable, expectSubscriptions, flush }) => {
      const first = cold('a-b-(F|)', replies)
      const second = cold('x-(G|)', replies)
      const prompts = hot('--p--q----|', { p: 'first', q: 'second' })
      const chat = prompts.pipe(
        switchMap((prompt) =>
          coldTurn(() => drawn(prompt === 'first' ? first : second, () => cancelled.push(prompt))),
        ),
      )
      expectObservable(chat).toBe('--a-bx-G--|', replies)
      expectSubscriptions(first.subscriptions).toBe('--^--!')
      expectSubscriptions(second.subscriptions).toBe('-----^-!')
      flush()
    })
    expect(cancelled).toContain('first')
  })

  it('is cancelled when its subscriber unsubscribes', () => {
    let cancels = 0
    scheduler().run(({ cold, expectObservable }) => {
      const turn$ = coldTurn(() => drawn(cold('a-b-(F|)', replies), () => cancels++))
      expectObservable(turn$.pipe(take(1))).toBe('(a|)', replies)
    })
    expect(cancels).toBe(1)
    expect(isTerminal(replies.a)).toBe(false)
  })
})
