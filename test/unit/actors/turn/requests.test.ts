import { describe, expect, it } from 'vitest'
import type { SystemClock } from '../../../../src/actors/clock.ts'
import type { Policies, PolicyAnswer } from '../../../../src/actors/turn/request-policy.ts'
import { TurnRequests } from '../../../../src/actors/turn/requests.ts'
import { HttpError } from '../../../../src/io/opencode/client.ts'
import type { InputRequest, PendingRequest } from '../../../../src/replies.ts'
import { virtualTime } from '../../../../src/testing/virtual-time.ts'
import { deferred } from '../../../../src/util/deferred.ts'

const permission = (id = 'per_1'): InputRequest => ({
  ...{ type: 'permission', id, sessionId: 'ses_1', child: false },
  ...{ permission: 'bash', patterns: ['rm *'], metadata: {} },
})
const closed = (reason: string) => ({
  code: 'ERR_OPENCODE_REQUEST_CLOSED',
  message: expect.stringContaining(reason) as string,
})
const rejection = { reply: 'reject', message: expect.stringContaining('No answer came in time') as string }

/** Opens requests of a turn whose policy is `'ask'` by default; `takes` decides what each sent answer meets. */
function turn(policies: Partial<Policies> = {}, timeoutMs = 1_000) {
  const time = virtualTime()
  const requests = new TurnRequests({ turnId: 't', traceId: 'trace' })
  const sent: PolicyAnswer[] = []
  const lists: string[][] = []
  const done: string[] = []
  const world = {
    takes: (): Promise<void> => Promise.resolve(),
    isTaken: (): Promise<void> => Promise.resolve(),
  }
  const idsOf = (open: readonly PendingRequest[]) => open.map(({ request }) => request.id)
  requests.open$.subscribe({ next: (open) => lists.push(idsOf(open)), complete: () => lists.push(['end']) })
  const open = (request = permission()): void => {
    const send = (answer: PolicyAnswer) => (sent.push(answer), world.takes())
    const terms = { clock: time as SystemClock, timeoutMs, send, onTaken: () => world.isTaken() }
    void requests
      .settle(request, { ...terms, policies: { onPermission: 'ask', onQuestion: 'ask', ...policies } })
      .then(() => done.push(request.id))
  }
  return { time, requests, sent, lists, done, world, open }
}

describe('a waiting request', () => {
  it('is listed with its turn and its times, and emitted once, until the server took its answer', async () => {
    const { requests, time, sent, lists, done, open } = turn()
    const asked: string[] = []
    requests.asked$.subscribe(({ id }) => asked.push(id))
    open()
    const [pending] = requests.open
    expect(pending).toMatchObject({ request: permission(), turnId: 't', traceId: 'trace' })
    expect((pending?.expiresAt ?? 0) - (pending?.at ?? 0)).toBe(1_000)
    await requests.answer('per_1', 'once')
    expect(requests.open).toEqual([])
    expect(sent).toEqual([{ reply: 'once' }])
    await time.advance(5_000)
    expect({ asked, lists, done }).toEqual({ asked: ['per_1'], lists: [[], ['per_1'], []], done: ['per_1'] })
    expect(time.pending).toBe(0)
  })

  it('can be answered by a subscriber, at once', async () => {
    const { requests, time, sent, open } = turn()
    requests.asked$.subscribe(({ id }) => void requests.answer(id, { reject: 'no' }))
    open()
    await time.advance()
    expect(sent).toEqual([{ reply: 'reject', message: 'no' }])
    expect(requests.open).toEqual([])
  })

  it('takes the first of two answers; the other one meets a closed request', async () => {
    const { requests, sent, open } = turn()
    open()
    const [first, second] = [requests.answer('per_1', 'always'), requests.answer('per_1', 'reject')]
    await first
    await expect(second).rejects.toMatchObject(closed('The permission per_1 is closed: it was answered'))
    await expect(requests.answer('per_1', 'once')).rejects.toMatchObject(closed('it was answered'))
    expect(sent).toEqual([{ reply: 'always' }])
  })

  it('stays open after an answer that does not fit', async () => {
    const { requests, sent, open } = turn()
    open()
    await expect(requests.answer('per_1', [['A']])).rejects.toMatchObject({
      code: 'ERR_OPENCODE_INVALID_OPTIONS',
    })
    expect(requests.open).toHaveLength(1)
    await requests.answer('per_1', 'once')
    expect(sent).toHaveLength(1)
  })

  it('is unknown if the turn never had it', async () => {
    const { requests } = turn()
    await expect(requests.answer('per_9', 'once')).rejects.toMatchObject(closed('no request "per_9"'))
  })

  it('is rejected with a message at its time limit; a later answer meets a closed request', async () => {
    const { requests, time, sent, done, open } = turn()
    open()
    await time.advance(999)
    expect(sent).toEqual([])
    await time.advance(1)
    expect(sent).toEqual([rejection])
    expect({ open: requests.open, done }).toEqual({ open: [], done: ['per_1'] })
    await expect(requests.answer('per_1', 'once')).rejects.toMatchObject(closed('within 1000 ms'))
    expect(requests.closedBy('per_1')).toBe('timeout')
  })

  it('is closed by its time limit, too, if the server reports the rejection before it responds', async () => {
    const { requests, time, world, open } = turn()
    world.takes = () => new Promise(() => undefined)
    open()
    await time.advance(1_000)
    requests.close('per_1')
    expect(requests.closedBy('per_1')).toBe('timeout')
  })

  it('is dismissed at its time limit if it is a question', async () => {
    const { time, sent, open } = turn()
    const questions = [{ question: 'Which?', header: 'q', options: [] }]
    open({ type: 'question', id: 'que_1', sessionId: 'ses_1', child: false, questions })
    await time.advance(1_000)
    expect(sent).toEqual([{ reply: 'dismiss' }])
  })

  it('takes no answer while its rejection at the time limit is being sent', async () => {
    const { requests, time, sent, world, open } = turn()
    const taken = deferred<undefined>()
    world.takes = () => taken.promise
    open()
    await time.advance(1_000)
    await expect(requests.answer('per_1', 'once')).rejects.toMatchObject(closed('within 1000 ms'))
    taken.resolve(undefined)
    await time.advance()
    expect({ sent, open: requests.open }).toEqual({ sent: [rejection], open: [] })
  })

  it('keeps an answer that is on its way at the time limit', async () => {
    const { requests, time, sent, world, open } = turn()
    const taken = deferred<undefined>()
    world.takes = () => taken.promise
    open()
    const answer = requests.answer('per_1', 'once')
    await time.advance(2_000)
    taken.resolve(undefined)
    await answer
    await time.advance()
    expect(sent).toEqual([{ reply: 'once' }])
    expect(requests.closedBy('per_1')).toBe('answer')
  })
})

describe('a request that the server closes', () => {
  it('leaves the list when another client answers, and its time limit sends nothing', async () => {
    const { requests, time, sent, lists, done, open } = turn()
    open()
    open(permission('per_2'))
    requests.close('per_1')
    await time.advance()
    expect(lists).toEqual([[], ['per_1'], ['per_1', 'per_2'], ['per_2']])
    expect(done).toEqual(['per_1'])
    await expect(requests.answer('per_1', 'once')).rejects.toMatchObject(closed('it was answered'))
    await time.advance(1_000)
    expect(sent).toEqual([rejection])
  })

  it('gives the winner no error if the event comes before the response', async () => {
    const { requests, time, world, open } = turn()
    const taken = deferred<undefined>()
    world.takes = () => taken.promise
    open()
    const answer = requests.answer('per_1', 'once')
    await time.advance()
    requests.close('per_1')
    expect(requests.open).toEqual([])
    taken.resolve(undefined)
    await answer
  })

  it('rejects an answer that the server no longer takes', async () => {
    const { requests, world, open } = turn()
    world.takes = () => Promise.reject(new HttpError(404, 'PermissionNotFoundError'))
    open()
    await expect(requests.answer('per_1', 'once')).rejects.toMatchObject(closed('it was answered'))
    expect(requests.open).toEqual([])
  })

  it('is found by a list of the server after missed events', async () => {
    const { requests, lists, open } = turn()
    open()
    open(permission('per_2'))
    requests.retain(['per_2', 'per_3'])
    expect(lists.at(-1)).toEqual(['per_2'])
    await expect(requests.answer('per_1', 'once')).rejects.toMatchObject(closed('it was answered'))
  })
})

describe('an answer that fails', () => {
  it('is sent again while the server does not respond', async () => {
    const { requests, time, sent, world, open } = turn()
    world.takes = () => Promise.reject(new Error('socket hang up'))
    open()
    const answer = requests.answer('per_1', 'once')
    await time.advance(499)
    expect(sent).toHaveLength(1)
    world.takes = () => Promise.resolve()
    await time.advance(1)
    await answer
    expect(sent).toHaveLength(2)
  })

  it('ends at the time limit, which sends the rejection instead', async () => {
    const { requests, time, sent, world, open } = turn()
    world.takes = () => Promise.reject(new Error('socket hang up'))
    open()
    const answer = requests.answer('per_1', 'once')
    const outcome = expect(answer).rejects.toMatchObject(closed('within 1000 ms'))
    await time.advance(1_200)
    await outcome
    world.takes = () => Promise.resolve()
    await time.advance(500)
    expect(sent.at(-1)).toEqual(rejection)
    expect(requests.open).toEqual([])
  })

  it('leaves the request open if the server refuses it', async () => {
    const { requests, world, open } = turn()
    world.takes = () => Promise.reject(new HttpError(500, 'disk full'))
    open()
    await expect(requests.answer('per_1', 'once')).rejects.toMatchObject({
      code: 'ERR_OPENCODE_RUNTIME',
      message: 'The permission per_1 is still open, because the server refused the answer: disk full',
    })
    expect(requests.open).toHaveLength(1)
  })
})

describe('the end of a turn', () => {
  it('empties the list, completes the observables, and rejects an answer that is on its way', async () => {
    const { requests, time, lists, done, world, open } = turn()
    world.takes = () => new Promise(() => undefined)
    open()
    const answer = requests.answer('per_1', 'once')
    await time.advance()
    requests.complete()
    await expect(answer).rejects.toMatchObject(closed('the turn has ended'))
    expect(lists).toEqual([[], ['per_1'], [], ['end']])
    await time.advance()
    expect({ done, timers: time.pending }).toEqual({ done: ['per_1'], timers: 0 })
    const late: unknown[] = []
    requests.open$.subscribe({ next: (open) => late.push(open), complete: () => late.push('end') })
    expect(late).toEqual([[], 'end'])
  })

  it.each([
    ['is on its way', () => new Promise<void>(() => undefined)],
    ['has failed', () => Promise.reject(new Error('no list'))],
  ])(
    'rejects no answer that the server has taken, while the list of the others %s',
    async (_what, isTaken) => {
      const { requests, time, lists, world, open } = turn()
      world.isTaken = isTaken
      open()
      const answer = requests.answer('per_1', 'always')
      await time.advance()
      expect(lists.at(-1)).toEqual([])
      requests.complete()
      await expect(answer).resolves.toBeUndefined()
    },
  )

  it.each([
    ['tells the winner', undefined, undefined],
    ['tells the loser', new HttpError(404, 'gone'), closed('it was answered')],
  ])('%s, if the event of the answer came before the response', async (_what, response, outcome) => {
    const { requests, time, world, open } = turn()
    const responded = deferred<Error | undefined>()
    world.takes = async () => {
      const error = await responded.promise
      if (error) throw error
    }
    open()
    const answer = requests.answer('per_1', 'once').catch((error: unknown) => error)
    await time.advance()
    requests.close('per_1')
    requests.complete()
    responded.resolve(response)
    if (outcome) expect(await answer).toMatchObject(outcome)
    else expect(await answer).toBeUndefined()
  })

  it('is no end of the observables if only the server is gone', async () => {
    const { requests, lists, open } = turn()
    open()
    requests.abandon('its server is gone')
    await expect(requests.answer('per_1', 'once')).rejects.toMatchObject(closed('its server is gone'))
    open(permission('per_2'))
    expect(lists).toEqual([[], ['per_1'], [], ['per_2']])
  })
})

describe('a policy beside callers', () => {
  it('that is fixed answers at once; the request does not wait', async () => {
    const { requests, time, sent, lists, open } = turn({ onPermission: 'once' })
    open()
    await expect(requests.answer('per_1', 'reject')).rejects.toMatchObject(closed('its policy answers it'))
    await time.advance()
    expect({ sent, lists }).toEqual({ sent: [{ reply: 'once' }], lists: [[]] })
  })

  it('that still decides lists the request, and an answer of a caller comes first', async () => {
    const decision = deferred<'reject'>()
    const { requests, time, sent, open } = turn({ onPermission: () => decision.promise })
    open()
    expect(requests.open).toHaveLength(1)
    await requests.answer('per_1', 'once')
    decision.resolve('reject')
    await time.advance(2_000)
    expect(sent).toEqual([{ reply: 'once' }])
  })

  it('may leave the answer to a caller', async () => {
    const { requests, time, sent, open } = turn({ onPermission: () => 'ask' })
    open()
    await time.advance(500)
    expect(sent).toEqual([])
    await requests.answer('per_1', 'once')
    open(permission('per_2'))
    await time.advance(1_000)
    expect(sent).toEqual([{ reply: 'once' }, rejection])
  })

  it('that the server refuses is rejected at the time limit', async () => {
    const { requests, time, sent, world, open } = turn({ onPermission: () => 'once' })
    world.takes = () => Promise.reject(new HttpError(500, 'no'))
    open()
    await time.advance(999)
    expect(sent).toEqual([{ reply: 'once' }])
    await time.advance(1)
    expect(sent).toEqual([{ reply: 'once' }, rejection])
    expect(requests.open).toEqual([])
  })
})
