import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { OpenTurn } from '../../../../src/gateway/turns/turn-log.ts'
import type { InputRequest } from '../../../../src/replies.ts'
import { CallerWorld } from '../../../support/cluster-caller.ts'
import { clusterGateway, clusterTurn } from '../../../support/cluster-gateway.ts'
import { readAll } from '../../../support/turn-log.ts'

/** Returns what a gateway that has died has left of a turn: the row, and not the sending. */
async function leftTurn(world: CallerWorld, resume: object | null) {
  const dead = await clusterGateway(world)
  const input = resume === null ? null : JSON.stringify(resume)
  await dead.log.create(clusterTurn('t1', { resume: input }))
  const [open] = await dead.log.openTurns()
  if (!open) throw new Error('There is no open turn')
  return open
}
const permission: InputRequest = {
  ...{ type: 'permission', id: 'p9', sessionId: 'ses_1', child: false },
  ...{ permission: 'bash', patterns: ['ls'], metadata: {} },
}
const createdBefore = (open: OpenTurn, ms: number): OpenTurn => ({
  ...open,
  turn: { ...open.turn, createdAt: open.turn.createdAt - ms },
})

describe('The turns of a gateway in a cluster', () => {
  it('are followed on after a restart of the gateway, which ends none', async () => {
    const world = await CallerWorld.start()
    const open = await leftTurn(world, { text: 'Hi' })
    const sender = await clusterGateway(world)
    const remote = await world.running(await sender.turns.run('a1', { text: 'Hi', turnId: 't1' }))
    remote.delta('before ')
    await world.clock.advance()
    const turn = await (await clusterGateway(world)).turns.resume(open)
    if ('kind' in turn) throw new Error(`The turn ended: ${turn.error}`)
    remote.delta('after')
    remote.finish()
    await world.clock.advance()
    expect(await turn.done).toMatchObject({ kind: 'final', content: 'before after' })
    expect(world.host.runner.turns).toHaveLength(1)
  })

  it('are sent by the restarted gateway if they were never sent, unless their time is over', async () => {
    const world = await CallerWorld.start()
    const open = await leftTurn(world, { text: 'Hi' })
    const { turns } = await clusterGateway(world)
    const turn = await turns.resume(open)
    if ('kind' in turn) throw new Error(`The turn ended: ${turn.error}`)
    const remote = await world.running(turn)
    expect(remote.input.deadlineMs).toBeLessThanOrEqual(1_800_000)
    remote.finish()
    await world.clock.advance()
    expect(await turn.done).toMatchObject({ kind: 'final' })
    const other = await (
      await clusterGateway(await CallerWorld.start())
    ).turns.resume(createdBefore(open, 1_900_000))
    expect(other).toMatchObject({ code: 'deadline_exceeded' })
    const inputless = { ...open, resume: null }
    const last = await (await clusterGateway(await CallerWorld.start())).turns.resume(inputless)
    expect(last).toMatchObject({ code: 'server_died' })
  })

  it('are lost if no host has begun them, so that a request with the same key sends them again', async () => {
    const world = await CallerWorld.start()
    const { turn } = await leftTurn(world, { text: 'Hi' })
    const { turns } = await clusterGateway(world)
    expect(await turns.isLost(turn)).toBe(true)
    const remote = await world.running(await turns.run('a1', { text: 'Hi', turnId: 't1' }))
    expect(await turns.isLost(turn)).toBe(false)
    await turns.run('a1', { text: 'Hi', turnId: 't1' })
    await world.clock.advance(100)
    expect(world.host.runner.turns).toHaveLength(1)
    remote.finish()
    await world.clock.advance()
  })

  it('are told apart from a turn of another tenant with the same id', async () => {
    const world = await CallerWorld.start()
    const { log, turns, store } = await clusterGateway(world)
    await log.create(clusterTurn('t1'))
    const turn = await turns.run('a1', { text: 'Hi', turnId: 't1' })
    const remote = await world.running(turn)
    const news: unknown[] = []
    turns.news$.subscribe((each) => news.push(each))
    const other = { tenant: 'beta', agentId: 'b1' }
    const pending = {
      ...other,
      request: permission,
      turnId: 't1',
      traceId: null,
      at: 0,
      expiresAt: Date.now() + 60_000,
    }
    const records = [
      { kind: 'claimed', hostId: 'h9' },
      { kind: 'request', pending },
    ]
    const seq = await store.records.append(other, 't1', { epoch: 1, first: 1, records }, 0)
    await store.requests.set('beta.b1.t1', { ...other, epoch: 1, open: [pending] }, 0)
    remote.ask('p1', true, { at: 0, expiresAt: Date.now() + 60_000 })
    await world.clock.advance(100)
    expect(turns.requests.open.map(({ tenant, turnId }) => [tenant, turnId])).toEqual([
      ['beta', 't1'],
      ['acme', 't1'],
    ])
    const answered = turns.requests.answer('p9', 'once')
    await world.clock.advance(100)
    const closed = { kind: 'request_closed', requestId: 'p9', by: 'answer' }
    await store.records.append(other, 't1', { epoch: 1, first: 3, records: [closed] }, seq)
    await world.clock.advance(100)
    await answered
    const mail = await store.inbox.next(other, 0)
    expect(mail).toMatchObject({ turnId: 't1', message: { type: 'answer', requestId: 'p9' } })
    expect(news).toMatchObject([{ turnId: 't1', news: { pending: { tenant: 'acme' } } }])
    remote.delta('own')
    remote.finish()
    await world.clock.advance(100)
    expect(await log.get('t1')).toMatchObject({ tenant: 'acme' })
    expect((await readAll(log, 't1')).map(({ reply }) => reply)).toMatchObject([
      { content: 'own' },
      { kind: 'final' },
    ])
  })

  it('are forgotten some time after their end, also if the store did not answer when one was sent again', async () => {
    const world = await CallerWorld.start()
    const { turns, followed, store } = await clusterGateway(world)
    const remote = await world.running(await turns.run('a1', { text: 'Hi', turnId: 't1' }))
    store.link.losesAnswers = true
    const again = expect(turns.run('a1', { text: 'Hi', turnId: 't1' })).rejects.toMatchObject({
      fault: 'unavailable',
    })
    await world.clock.advance(6_000)
    await again
    store.link.losesAnswers = false
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    remote.finish()
    await world.clock.advance(100)
    expect(followed.get('t1')).toBeDefined()
    await vi.advanceTimersByTimeAsync(16_000)
    expect(followed.get('t1')).toBeUndefined()
  })

  it('ask the people at each gateway, and take the first answer', async () => {
    const world = await CallerWorld.start()
    const [a, b] = [await clusterGateway(world), await clusterGateway(world)]
    const closed: unknown[] = []
    b.turns.requests.closed$.subscribe((request) => closed.push(request))
    const turn = await a.turns.run('a1', { text: 'Hi', turnId: 't1', onPermission: 'ask' })
    const remote = await world.running(turn)
    const now = Date.now()
    remote.ask('p1', true, { at: now, expiresAt: now + 60_000 })
    await world.clock.advance()
    expect(b.turns.requests.open).toMatchObject([
      { agentId: 'a1', tenant: 'acme', turnId: 't1', request: { id: 'p1' } },
    ])
    const answered = b.turns.requests.answer('p1', 'once')
    await world.clock.advance(100)
    await answered
    expect(remote.answers).toEqual([['p1', 'once']])
    await world.clock.advance(500)
    expect(a.turns.requests.open).toEqual([])
    expect(closed).toEqual([{ requestId: 'p1', turnId: 't1', agentId: 'a1', tenant: 'acme' }])
    await expect(b.turns.requests.answer('p1', 'once')).rejects.toThrow('p1')
  })
})
