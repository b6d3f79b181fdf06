import { describe, expect, it } from 'vitest'
import type { LoggedReply } from '../../../../src/gateway/turns/turn-log.ts'
import { isTerminal } from '../../../../src/replies.ts'
import { CallerWorld } from '../../../support/cluster-caller.ts'
import { clusterGateway, clusterTurn } from '../../../support/cluster-gateway.ts'
import { final, readAll, usage } from '../../../support/turn-log.ts'

const agent = { tenant: 'acme', agentId: 'a1' }

/** Starts a cluster with two gateways. */
async function start() {
  const world = await CallerWorld.start()
  const [a, b] = [await clusterGateway(world), await clusterGateway(world)]
  /** Takes a turn at the gateway A, and returns the turn of the host. */
  const take = async (turnId: string) => {
    await a.log.create(clusterTurn(turnId))
    const { followed } = await a.followed.send(agent, { text: 'Hi', turnId })
    return { followed, remote: await world.running(followed.turn) }
  }
  return { world, clock: world.clock, a, b, take }
}

const numbers = (replies: readonly LoggedReply[]) => replies.map(({ seq }) => seq)

describe('The log of a gateway in a cluster', () => {
  it('gives the replies of the host with the numbers of its records, the same at each gateway', async () => {
    const { clock, a, b, take } = await start()
    const { remote } = await take('t1')
    const live = [readAll(a.log, 't1'), readAll(b.log, 't1')]
    remote.session('ses_1')
    remote.delta('Hel')
    await clock.advance()
    remote.tool()
    remote.delta('lo')
    await clock.advance()
    remote.finish()
    await clock.advance()
    const [atA = [], atB = []] = await Promise.all(live)
    expect(atA.map(({ reply }) => reply.kind)).toEqual(['delta', 'tool_call', 'delta', 'final'])
    expect(atA[1]).toMatchObject({ at: expect.any(Number) as number })
    expect(atB).toEqual(atA)
    expect(numbers(atA)).toEqual([...new Set(numbers(atA))].sort((one, two) => one - two))
    expect(numbers(atA)[0]).toBeGreaterThan(1)
    expect(await readAll(b.log, 't1', atA[1]?.seq)).toEqual(atA.slice(2))
    expect(await b.log.get('t1')).toMatchObject({
      ...{ state: 'done', sessionId: 'ses_1', tokenId: 'k1', model: 'fake/model', agentId: 'a1' },
      ...{ lastSeq: atA.at(-1)?.seq, reply: { kind: 'final', content: 'Hello' } },
    })
  })

  it('keeps the row of a turn that it has taken, with the number of the last reply', async () => {
    const { clock, a, take } = await start()
    const { followed, remote } = await take('t1')
    const writer = a.log.writer('t1')
    remote.delta('Hello')
    await clock.advance()
    writer.update({ state: 'running', sessionId: 'ses_1' })
    await writer.flushed()
    expect((await a.log.list({ limit: 1 })).items).toMatchObject([
      { turnId: 't1', state: 'running', lastSeq: followed.lastSeq },
    ])
    remote.finish()
    await clock.advance()
    const end = await followed.turn.done
    writer.push(end, followed.turn.usage)
    await writer.flushed()
    expect(await a.local.get('t1')).toMatchObject({ state: 'done', lastSeq: followed.lastSeq, reply: end })
    expect(await readAll(a.log, 't1')).toMatchObject([
      { reply: { kind: 'delta' } },
      { seq: followed.lastSeq, reply: { kind: 'final' } },
    ])
    // The cluster keeps the replies for a day; the end stays.
    a.store.records.read = async function* () {
      await Promise.resolve()
      yield* []
    }
    expect(await readAll(a.log, 't1')).toEqual([{ seq: followed.lastSeq, reply: end }])
    expect(await readAll(a.log, 't1', followed.lastSeq)).toEqual([])
  })

  it('reads on from the log of the cluster for a reader that its tail has left behind', async () => {
    const { clock, b, take } = await start()
    const { remote } = await take('t1')
    const slow = b.log.read('t1', 0)[Symbol.asyncIterator]()
    remote.delta('first ')
    await clock.advance()
    const seen = [...((await slow.next()) as { value: LoggedReply[] }).value]
    for (let i = 0; i < 40; i++) {
      remote.delta(`${i} `.padEnd(20_000, '.'))
      remote.tool()
      await clock.advance()
    }
    remote.finish()
    await clock.advance()
    for (let next = await slow.next(); next.done !== true; next = await slow.next()) seen.push(...next.value)
    const text = seen.map(({ reply }) => (reply.kind === 'delta' ? reply.content : '')).join('')
    expect(text).toBe(remote.text)
    expect(seen.filter(({ reply }) => isTerminal(reply))).toHaveLength(1)
    expect(numbers(seen)).toEqual([...new Set(numbers(seen))].sort((one, two) => one - two))
  })

  it('makes one turn of one id at two gateways, and refuses another body', async () => {
    const { a, b } = await start()
    const turn = clusterTurn('t1', { bodyHash: 'h1' })
    const taken = await Promise.all([a.log.create(turn), b.log.create(turn)])
    expect(taken.map(({ isNew }) => isNew).sort()).toEqual([false, true])
    await expect(b.log.create({ ...turn, bodyHash: 'h2' })).rejects.toMatchObject({ fault: 'key_reused' })
    const owner = taken[0].isNew ? a : b
    await owner.log.forget('t1')
    expect((await b.log.create({ ...turn, bodyHash: 'h2' })).isNew).toBe(true)
  })

  it('shows the newer turn of a key that another gateway has taken after a day', async () => {
    const { world, a, b } = await start()
    await a.log.create(clusterTurn('t1', { bodyHash: 'h1' }))
    const writer = a.log.writer('t1')
    writer.push(final('of yesterday'), usage(1))
    await writer.flushed()
    const row = await a.local.get('t1')
    if (!row) throw new Error('There is no row')
    a.local.get = () => Promise.resolve({ ...row, createdAt: row.createdAt - 90_000_000 })
    const { turns } = world.memory
    turns.change('t1', undefined, turns.entry('t1')?.revision ?? 0)
    expect(await a.log.get('t1')).toMatchObject({ reply: { content: 'of yesterday' } })
    expect(await b.log.create(clusterTurn('t1', { bodyHash: 'h2' }))).toMatchObject({ isNew: true })
    expect(await a.log.get('t1')).toMatchObject({ state: 'queued', reply: null })
    expect(await a.log.create(clusterTurn('t1', { bodyHash: 'h2' }))).toMatchObject({
      ...{ isNew: false, turn: { state: 'queued', reply: null } },
    })
  })

  it('gives the terminal reply of a turn whose replies have made place for others', async () => {
    const { a } = await start()
    await a.log.create(clusterTurn('t1', { bodyHash: 'h1' }))
    const writer = a.log.writer('t1')
    writer.push(final('Hello'), usage(1))
    await writer.flushed()
    const row = await a.local.get('t1')
    if (!row) throw new Error('There is no row')
    a.local.get = () => Promise.resolve({ ...row, hasTexts: false })
    expect(await readAll(a.log, 't1')).toMatchObject([{ reply: { kind: 'final', content: 'Hello' } }])
    a.local.get = () => Promise.resolve({ ...row, hasTexts: false, reply: null })
    expect(await readAll(a.log, 't1')).toEqual([])
  })

  it('takes a turn though the answer of the store is lost', async () => {
    const { a } = await start()
    const { link } = a.store
    const creating = a.log.create(clusterTurn('t1', { bodyHash: 'h1' }))
    link.losesAnswers = true
    await new Promise((resolve) => setImmediate(resolve))
    link.losesAnswers = false
    expect((await creating).isNew).toBe(true)
  })

  it('shows turns of programs that have no gateway, and no turn for a pattern', async () => {
    const { world, clock, a, b } = await start()
    const turn = a.cluster.turn('a1', { text: 'Hi', turnId: 'program' })
    const remote = await world.running(turn)
    remote.delta('x')
    await clock.advance()
    expect(await b.log.get('program')).toMatchObject({ state: 'running', tokenId: '', agentId: 'a1' })
    for (const id of ['*', '>', 'none', 'a.b', '']) expect(await b.log.get(id)).toBeUndefined()
  })

  it('ends the readers of a turn that could not be sent, with its reply', async () => {
    const { clock, a } = await start()
    await a.log.create(clusterTurn('t1'))
    a.store.inbox.add = () => Promise.reject(new Error('no inbox'))
    const { followed } = await a.followed.send(agent, { text: 'Hi', turnId: 't1' })
    await clock.advance()
    expect(await readAll(a.log, 't1')).toMatchObject([{ seq: 1, reply: { code: 'server_unavailable' } }])
    expect(followed.isOver).toBe(true)
  })

  it('erases the turns of a session in the log of the cluster, and their ids never run again', async () => {
    const { world, clock, a, b, take } = await start()
    const end = async (turnId: string, session: string) => {
      const { remote } = await take(turnId)
      remote.session(session)
      remote.delta(`secret of ${turnId}`)
      await clock.advance()
      remote.finish()
      await clock.advance()
    }
    await end('t1', 'ses_1')
    await end('t2', 'ses_2')
    const { remote: running } = await take('t3')
    running.session('ses_1')
    await clock.advance()
    await b.log.erase({ ...agent, sessionId: 'ses_1' })
    const stored = () => JSON.stringify([...world.memory.records.turns])
    expect(stored()).not.toContain('secret of t1')
    expect(stored()).toContain('secret of t2')
    const fresh = await clusterGateway(world)
    expect(await fresh.log.get('t1')).toMatchObject({ state: 'done', hasTexts: false, reply: null })
    expect(await readAll(fresh.log, 't1')).toEqual([])
    expect(await fresh.log.get('t3')).toMatchObject({ hasTexts: true })
    expect(await a.cluster.attach('t1').done).toMatchObject({ code: 'rejected' })
    const again = fresh.cluster.turn('a1', { text: 'Hi', turnId: 't1' })
    await clock.advance(100)
    expect(await again.done).toMatchObject({ code: 'rejected' })
    expect(world.host.runner.turns).toHaveLength(3)
    running.finish()
    await clock.advance()
    // The cluster forgets a removed agent before its turns are erased.
    const { agents } = world.memory
    agents.change('acme.a1', undefined, agents.entry('acme.a1')?.revision ?? 0)
    await b.log.erase(agent)
    expect(stored()).not.toContain('secret')
  })
})
