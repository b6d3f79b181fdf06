import { describe, expect, it } from 'vitest'
import { callerOf } from '../../../../src/cluster/client/caller.ts'
import { connectCluster } from '../../../../src/cluster/client/connect-cluster.ts'
import type { SystemClock } from '../../../../src/actors/clock.ts'
import type { TurnInput } from '../../../../src/api/turn-input.ts'
import { ContextKeys, sealContext } from '../../../../src/cluster/context-seal.ts'
import { ClusterStoreError } from '../../../../src/cluster/store/cluster-store.ts'
import { InvalidOptionsError, RequestClosedError, TurnError } from '../../../../src/errors.ts'
import type { PendingRequest } from '../../../../src/replies.ts'
import { auditTurn } from '../../../support/cluster-audit.ts'
import {
  callerAgents,
  CallerWorld,
  collect,
  disturb,
  graceMs,
  textOf,
} from '../../../support/cluster-caller.ts'
import { sentTurn } from '../../../support/cluster-facts.ts'
import { leaseMs } from '../../../support/scripted-host.ts'

/** Starts a cluster with a caller. */
async function start() {
  const world = await CallerWorld.start()
  return { world, clock: world.clock, ...(await world.connect()) }
}

/** Starts a cluster, and a turn that runs. */
async function startTurn(input: string | TurnInput = 'Hi') {
  const started = await start()
  const turn = started.cluster.turn('a1', input)
  const seen = collect(turn)
  return { ...started, turn, seen, remote: await started.world.running(turn) }
}

describe('A turn of a cluster', () => {
  it('gives all replies, states, todos, the session and the usage of the host', async () => {
    const { clock, turn, seen, remote } = await startTurn({ text: 'Hi', traceId: 'x', priority: 7 })
    const states: string[] = []
    turn.status$.subscribe(({ state }) => states.push(state))
    const todos: unknown[] = []
    turn.todos$.subscribe((list) => todos.push(list))
    expect(remote.input).toMatchObject({ text: 'Hi', traceId: 'x', priority: 7, turnId: turn.id })
    remote.session('ses_7')
    remote.delta('Hel')
    await clock.advance()
    remote.tool()
    remote.delta('lo')
    remote.todos$.next([{ content: 'Do it', status: 'pending', priority: 'high' }])
    remote.usage = { ...remote.usage, output_tokens: 5 }
    await clock.advance()
    expect(seen.ends).toEqual([])
    remote.finish()
    await clock.advance()
    expect(seen.replies.map(({ kind }) => kind)).toEqual(['delta', 'tool_call', 'delta', 'final'])
    expect(seen.ends).toMatchObject([{ kind: 'final', content: 'Hello', trace_id: 'x' }])
    expect(states).toEqual(['queued', 'running', 'done'])
    expect(todos).toHaveLength(1)
    expect(await turn.sessionId).toBe('ses_7')
    expect(await turn.text()).toBe('Hello')
    expect(turn.usage.output_tokens).toBe(5)
    expect(turn.traceId).toBe('x')
  })

  it('is read by `for await`, and cancelled by leaving the loop early', async () => {
    const { clock, turn, remote, seen } = await startTurn()
    remote.delta('one')
    await clock.advance()
    for await (const reply of turn) {
      expect(reply).toMatchObject({ kind: 'delta', content: 'one' })
      break
    }
    await clock.advance(100)
    expect(seen.ends).toMatchObject([{ code: 'cancelled', partial: 'one' }])
  })

  it('is cancelled by `cancel` and by its signal, before and while it runs', async () => {
    const { world, cluster, clock } = await start()
    const aborted = cluster.turn('a1', { text: 'Hi', signal: AbortSignal.abort() })
    expect(await aborted.done).toMatchObject({ code: 'cancelled' })
    const controller = new AbortController()
    const turn = cluster.turn('a1', { text: 'Hi', signal: controller.signal })
    await world.running(turn)
    controller.abort()
    await clock.advance(100)
    expect(await turn.done).toMatchObject({ code: 'cancelled' })
    const early = cluster.turn('a1', 'Hi')
    early.cancel()
    await clock.advance(100)
    expect(await early.done).toMatchObject({ code: 'cancelled' })
    // The turn that was aborted before was never sent.
    expect(world.memory.records.turns.size).toBe(2)
  })

  it('is rejected at once for an unknown agent, a bad input, and a context for hosts without a key', async () => {
    const { cluster } = await start()
    const unknown = cluster.turn('a9', { text: 'Hi', traceId: 'x', turnId: 't9' })
    expect(unknown.id).toBe('t9')
    expect(collect(unknown).replies).toMatchObject([
      {
        code: 'rejected',
        retryable: false,
        trace_id: 'x',
        error: expect.stringContaining('did you mean "a1"') as string,
      },
    ])
    const bad = collect(cluster.turn('a1', { text: '' })).replies
    expect(bad).toMatchObject([{ code: 'rejected', error: expect.stringContaining('text') as string }])
    const context = collect(cluster.turn('a1', { text: 'Hi', context: { user: 1 } })).replies
    expect(context).toMatchObject([
      { code: 'rejected', error: expect.stringContaining('give all hosts the option contextKey') as string },
    ])
  })

  it('reaches the host though it is larger than a message, and leaves nothing behind', async () => {
    const contexts = new ContextKeys(['a secret of the hosts, the same on all of them'])
    const world = await CallerWorld.start(contexts)
    const { cluster, store } = await world.connect()
    const data = Buffer.alloc(3_000_000, 'x').toString('base64')
    const attachments = [{ mime: 'text/plain', data }]
    store.link.losesAnswers = true
    const turn = cluster.turn('a1', { text: 'Hi', attachments, resume: true, context: { user: 1 } })
    await world.clock.advance(500)
    store.link.losesAnswers = false
    const running = await world.running(turn)
    expect(running.input).toMatchObject({ text: 'Hi', attachments, resume: true, context: { user: 1 } })
    const [mail] = world.memory.mail.mails
    expect(JSON.stringify(mail).length).toBeLessThan(1_000)
    expect(world.memory.parcels.size).toBe(1)
    running.finish()
    await world.clock.advance(100)
    expect(await turn.done).toMatchObject({ kind: 'final' })
    expect(world.memory.parcels.size).toBe(0)
  })

  it('leaves nothing behind if it is large, and is sent again after its end', async () => {
    const { world, cluster, clock } = await start()
    const input = { text: 'x'.repeat(600_000), turnId: 't1' }
    const turn = cluster.turn('a1', input)
    ;(await world.running(turn)).finish()
    await clock.advance(100)
    const again = cluster.turn('a1', input)
    await clock.advance(100)
    expect(await again.done).toEqual(await turn.done)
    expect(world.memory.parcels.size).toBe(0)
  })

  it('has its content in the store once while it runs, however often it is sent', async () => {
    const world = await CallerWorld.start(new ContextKeys(['a secret of the hosts, the same on all of them']))
    const { cluster } = await world.connect()
    const input = { text: 'x'.repeat(600_000), turnId: 't1', context: { user: 1 } }
    const turn = cluster.turn('a1', input)
    const running = await world.running(turn)
    const others = [1, 2].map(() => cluster.turn('a1', input))
    await world.clock.advance(100)
    expect(world.memory.parcels.size).toBe(1)
    running.finish()
    await world.clock.advance(100)
    for (const other of others) expect(await other.done).toEqual(await turn.done)
  })

  it('runs with its context though a caller before has stored its content only, and another one sends it', async () => {
    const world = await CallerWorld.start(new ContextKeys(['a secret of the hosts, the same on all of them']))
    const [one, two] = [await world.connect(), await world.connect()]
    const attachments = [{ mime: 'text/plain', data: Buffer.alloc(800_000, 'x') }]
    const input = { text: 'Hi', attachments, turnId: 'once', context: { user: 1 } }
    // The caller stores the content, and dies before the inbox has the turn.
    one.store.inbox.add = () => new Promise(() => undefined)
    one.cluster.turn('a1', input)
    await world.clock.advance(100)
    expect(world.memory.parcels.size).toBe(1)
    expect(world.memory.mail.mails).toEqual([])
    const turn = two.cluster.turn('a1', input)
    const running = await world.running(turn)
    expect(running.input).toMatchObject({ text: 'Hi', context: { user: 1 } })
    running.finish()
    await world.clock.advance(100)
    expect(await turn.done).toMatchObject({ kind: 'final' })
    expect(world.memory.parcels.size).toBe(0)
  })

  it('is `rejected` if its content is larger than 32 MB, or is not there as it was sent', async () => {
    const { world, cluster, clock, store } = await start()
    const data = Buffer.alloc(26_000_000, 'x')
    const large = cluster.turn('a1', { text: 'Hi', attachments: [{ mime: 'text/plain', data }] })
    await clock.advance(100)
    expect(await large.done).toMatchObject({
      code: 'rejected',
      error: expect.stringContaining('larger than 32 MB') as string,
    })
    const [agent = { tenant: '', agentId: '' }] = callerAgents
    const content = Buffer.from('{"input":{"text":"Hi"}}')
    const { bytes, sha256 } = await store.parcels.put(agent, 't1', content)
    const parcels = [
      { bytes, sha256 },
      { bytes, sha256: sha256.replaceAll(/./g, '0') },
      { bytes: 1e15, sha256 },
      { bytes: '1', sha256 },
      { bytes, sha256: '*' },
    ]
    for (const [i, parcel] of parcels.entries()) {
      const turnId = `t${i + 1}`
      if (i === 1) await store.parcels.put(agent, turnId, content)
      await store.inbox.add(agent, turnId, { type: 'turn', turn: { input: {}, parcel } })
    }
    expect((await world.running(cluster.attach('t1'))).input).toMatchObject({ text: 'Hi' })
    const others = ['t2', 't3', 't4', 't5'].map((id) => collect(cluster.attach(id)))
    await clock.advance(1_000)
    for (const { replies } of others)
      expect(replies.at(-1)).toMatchObject({
        code: 'rejected',
        error: expect.stringContaining('not there as it was sent') as string,
      })
  })

  it('gives its context to the host, sealed on its way', async () => {
    const contexts = new ContextKeys(['a secret of the hosts, the same on all of them'])
    const world = await CallerWorld.start(contexts)
    const { cluster } = await world.connect()
    const context = { user: 'somebody' }
    const turn = cluster.turn('a1', { text: 'Hi', context })
    const running = await world.running(turn)
    expect(running.input.context).toEqual(context)
    const [mail] = world.memory.mail.mails
    expect(JSON.stringify(mail)).not.toContain('somebody')
    const bad = collect(cluster.turn('a1', { text: 'Hi', context: () => 1 })).replies
    expect(bad).toMatchObject([{ code: 'rejected', error: expect.stringContaining('JSON') as string }])
  })

  it('has a context for the hosts that are there, and not for the key of a dead one', async () => {
    const world = await CallerWorld.start(new ContextKeys(['a secret of the hosts, the same on all of them']))
    const { publicKey: contextKey } = new ContextKeys(['an old secret of the hosts, which none has now'])
    const dead = {
      incarnation: 'r',
      beat: 1,
      state: 'up',
      max: 1,
      used: 0,
      opencode: '',
      contextKey,
    } as const
    world.memory.hosts.change('a-host', dead, 0)
    const { cluster } = await world.connect()
    await world.clock.advance(20_000)
    expect(cluster.status.hosts.map(({ id }) => id)).toEqual(['h1'])
    const turn = cluster.turn('a1', { text: 'Hi', context: { user: 1 } })
    expect((await world.running(turn)).input.context).toEqual({ user: 1 })
  })

  it('is `rejected` with a context that was sealed for another turn, and never has an unsealed one', async () => {
    const contexts = new ContextKeys(['a secret of the hosts, the same on all of them'])
    const world = await CallerWorld.start(contexts)
    const { cluster, store } = await world.connect()
    const [agent = { tenant: '', agentId: '' }] = callerAgents
    const binding = { cluster: store.name, ...agent, turnId: 't1' }
    const context = sealContext(contexts.publicKey, { user: 'somebody' }, binding)
    for (const turnId of ['t1', 't2'])
      await store.inbox.add(agent, turnId, { type: 'turn', turn: { context, input: { text: 'Hi' } } })
    const input = { text: 'Hi', context: { user: 'forged' } }
    await store.inbox.add(agent, 't3', { type: 'turn', turn: { input } })
    const [one, two, three] = [cluster.attach('t1'), cluster.attach('t2'), cluster.attach('t3')]
    expect((await world.running(one)).input.context).toEqual({ user: 'somebody' })
    expect((await world.running(three)).input).not.toHaveProperty('context')
    await world.clock.advance(2_000)
    expect(await two.done).toMatchObject({
      code: 'rejected',
      error: expect.stringContaining('sealed for another turn') as string,
    })
  })

  it('is `overloaded` if the inbox of its agent is full, and `rejected` if it is larger than a message', async () => {
    const { world, cluster, clock, store } = await start()
    world.host.actor.stop()
    for (let i = 0; i < 64; i++) cluster.turn('a2', 'Hi')
    await clock.advance()
    const full = cluster.turn('a2', 'Hi')
    await clock.advance()
    expect(await full.done).toMatchObject({ code: 'overloaded', retryable: true })
    await clock.advance(100)
    // The id may be sent again, and no cancel must wait for it.
    expect(world.memory.mail.mails.filter(({ turnId }) => turnId === full.id)).toEqual([])
    store.inbox.add = () => Promise.reject(new ClusterStoreError('no_room', 'NATS has too little room'))
    const crowded = cluster.turn('a1', 'Hi')
    await clock.advance()
    expect(await crowded.done).toMatchObject({
      code: 'overloaded',
      error: expect.stringContaining('too little room') as string,
    })
    store.inbox.add = () => Promise.reject(new ClusterStoreError('too_large', 'Maximum payload exceeded'))
    const large = cluster.turn('a1', 'Hi')
    await clock.advance()
    expect(await large.done).toMatchObject({
      code: 'rejected',
      error: expect.stringContaining('smaller attachments') as string,
    })
  })

  it('sends bytes of attachments as base64, and a schema as JSON Schema, whose value is its output', async () => {
    const output = { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] } as const
    const data = Buffer.from('text')
    const { clock, turn, remote } = await startTurn({
      text: 'Hi',
      output,
      attachments: [{ mime: 'text/plain', data }],
    })
    expect(remote.input).toMatchObject({
      output,
      attachments: [{ mime: 'text/plain', data: data.toString('base64') }],
    })
    remote.delta('{"n":1}')
    remote.finish()
    await clock.advance()
    expect(await turn.output).toEqual({ n: 1 })
  })

  it('rejects `output` for an answer that the caller’s own schema refuses, and without a schema', async () => {
    const output = { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] } as const
    const { clock, turn, remote, cluster } = await startTurn({ text: 'Hi', output })
    remote.delta('{}')
    remote.finish()
    await clock.advance()
    await expect(turn.output).rejects.toMatchObject({ name: 'TurnError', code: 'invalid_output' })
    const attached = cluster.attach(turn.id)
    await clock.advance()
    await expect(attached.output).rejects.toThrow(InvalidOptionsError)
    await expect(attached.changes()).rejects.toThrow('only on the host')
  })

  it('rejects `text` and `output` with a TurnError if the turn fails', async () => {
    const { clock, turn, remote } = await startTurn()
    remote.end({ kind: 'error', trace_id: null, error: 'No', code: 'rate_limited', retryable: true })
    await clock.advance()
    await expect(turn.text()).rejects.toThrow(TurnError)
    await expect(turn.output).rejects.toMatchObject({ code: 'rate_limited' })
  })
})

describe('A request of a turn of a cluster', () => {
  it('is answered by the caller, once', async () => {
    const { clock, turn, remote } = await startTurn({ text: 'Hi', onPermission: 'ask' })
    const lists: number[] = []
    const asked: string[] = []
    turn.openRequests$.subscribe((open) => lists.push(open.length))
    turn.requests$.subscribe(({ id }) => asked.push(id))
    remote.ask('r1')
    await clock.advance()
    expect(turn.openRequests).toMatchObject([{ request: { id: 'r1' }, turnId: turn.id }])
    await expect(turn.answer('r1', [['x']])).rejects.toThrow(InvalidOptionsError)
    const answers = [turn.answer('r1', 'once'), turn.answer('r1', 'always')]
    const results = Promise.allSettled(answers)
    await clock.advance()
    const [first, second] = await results
    expect(first).toMatchObject({ status: 'fulfilled' })
    expect(second).toMatchObject({ status: 'rejected', reason: expect.any(RequestClosedError) as Error })
    expect(remote.answers).toEqual([['r1', 'once']])
    await expect(turn.answer('r1', 'once')).rejects.toThrow('it was answered')
    await expect(turn.answer('r9', 'once')).rejects.toThrow('no request "r9"')
    expect(lists).toEqual([0, 1, 0])
    expect(asked).toEqual(['r1'])
  })

  it('is answered by the caller’s own function, which becomes `ask` on the way', async () => {
    const calls: string[] = []
    const onPermission = ({ id }: { id: string }) => {
      calls.push(id)
      if (id === 'r2') throw new Error('no')
      return id === 'r3' ? 'ask' : 'once'
    }
    const { clock, turn, remote } = await startTurn({ text: 'Hi', onPermission })
    expect(remote.input.onPermission).toBe('ask')
    for (const id of ['r1', 'r2', 'r3']) {
      remote.ask(id)
      await clock.advance()
    }
    expect(remote.answers).toEqual([
      ['r1', 'once'],
      ['r2', 'reject'],
    ])
    expect(turn.openRequests).toMatchObject([{ request: { id: 'r3' } }])
    expect(calls).toEqual(['r1', 'r2', 'r3'])
  })

  it('that was answered before is not given to a function again', async () => {
    const { clock, cluster, turn, remote } = await startTurn({
      text: 'Hi',
      onPermission: 'ask',
      turnId: 't1',
    })
    remote.ask('r1')
    await clock.advance()
    void turn.answer('r1', 'once')
    await clock.advance()
    remote.ask('r2')
    await clock.advance()
    const calls: string[] = []
    cluster.turn('a1', { text: 'Hi', turnId: 't1', onPermission: ({ id }) => (calls.push(id), 'always') })
    await clock.advance()
    expect(calls).toEqual(['r2'])
    expect(remote.answers.at(-1)).toEqual(['r2', 'always'])
  })

  it('is closed with the turn', async () => {
    const { clock, turn, remote } = await startTurn({ text: 'Hi', onPermission: 'ask' })
    const lists: PendingRequest[][] = []
    turn.openRequests$.subscribe((open) => lists.push(open))
    remote.ask('r1')
    await clock.advance()
    remote.finish()
    await clock.advance()
    expect(lists.at(-1)).toEqual([])
    await expect(turn.answer('r1', 'once')).rejects.toThrow(RequestClosedError)
  })
})

describe('The id of a turn', () => {
  it('used twice is one turn, whose replies both handles have from the first on', async () => {
    const { world, clock, turn, remote, seen } = await startTurn({ text: 'Hi', turnId: 't1' })
    remote.delta('one')
    await clock.advance()
    const other = await world.connect()
    const again = collect(other.cluster.turn('a1', { text: 'Hi', turnId: 't1' }))
    await clock.advance()
    expect(textOf(again.replies)).toBe('one')
    remote.delta('two')
    remote.finish()
    await clock.advance()
    expect(again.replies).toEqual(seen.replies)
    const late = collect(other.cluster.turn('a1', { text: 'Hi', turnId: 't1' }))
    await clock.advance()
    expect(late.replies).toEqual(seen.replies)
    expect(world.host.runner.turns).toHaveLength(1)
    expect(turn.id).toBe('t1')
  })

  it('of another agent’s turn is rejected', async () => {
    const { clock, cluster } = await startTurn({ text: 'Hi', turnId: 't1' })
    const other = cluster.turn('a2', { text: 'Hi', turnId: 't1' })
    await clock.advance()
    expect(await other.done).toMatchObject({
      code: 'rejected',
      error: expect.stringContaining('another agent') as string,
    })
  })

  it('of another tenant’s turn is rejected, and cancels no turn of the agent', async () => {
    const { world, clock, cluster } = await start()
    world.memory.records.append('other.b1.t1', { epoch: 1, first: 1, records: [] }, 0)
    const { inbox } = world.memory.connect()
    await inbox.add({ tenant: 'acme', agentId: 'a1' }, 't1', { type: 'turn', turn: sentTurn('t1') })
    await clock.advance(leaseMs)
    const turn = collect(cluster.turn('a1', { text: 'Hi', turnId: 't1' }))
    await clock.advance(1_000)
    expect(turn.ends).toMatchObject([{ code: 'rejected' }])
    expect(world.host.runner.running).toHaveLength(1)
    expect(world.memory.mail.mails).toHaveLength(1)
  })

  it('of another agent’s turn is rejected, however late a host begins that turn', async () => {
    const { world, clock, cluster } = await start()
    world.host.link.cut()
    cluster.turn('a1', { text: 'Hi', turnId: 't1' })
    await clock.advance(100)
    const other = collect(cluster.turn('a2', { text: 'Hi', turnId: 't1' }))
    await clock.advance(graceMs * 3)
    expect(other.ends).toEqual([])
    world.host.link.mend()
    await clock.advance(graceMs * 2)
    expect(other.ends).toMatchObject([{ code: 'rejected' }])
  })

  it('is enough to attach from another connection, also before a host has begun the turn', async () => {
    const world = await CallerWorld.start()
    const [one, two] = [await world.connect(), await world.connect()]
    const attached = two.cluster.attach('t1')
    const seen = collect(attached)
    await world.clock.advance(graceMs / 2)
    const turn = one.cluster.turn('a2', { text: 'Hi', turnId: 't1', traceId: 'x' })
    const remote = await world.running(turn)
    remote.delta('one')
    await world.clock.advance(1_000)
    expect(textOf(seen.replies)).toBe('one')
    attached.cancel()
    await world.clock.advance(100)
    expect(seen.ends).toMatchObject([{ code: 'cancelled' }])
    expect(await turn.done).toEqual(seen.ends[0])
    expect(attached.traceId).toBe('x')
  })

  it('knows at once what comes at any moment of reading what was missed', async () => {
    const { world, clock, cluster, store } = await start()
    for (let moments = 0; moments < 40; moments++) {
      const turn = cluster.turn('a1', 'Hi')
      const seen = collect(turn)
      const remote = await world.running(turn)
      store.link.cut()
      remote.delta('one')
      await clock.advance(100)
      remote.finish()
      for (let i = 0; i < moments; i++) await Promise.resolve()
      store.link.mend()
      await clock.advance(300)
      expect(seen.ends, `after ${moments} moments`).toMatchObject([{ content: 'one' }])
    }
  })

  it('is enough to cancel a turn that no host has begun', async () => {
    const { world, clock, cluster } = await start()
    const other = callerOf(world.memory.connect(), { clock: clock as SystemClock, graceMs: 30_000 })
    await clock.advance(0)
    const patient = await other
    world.host.link.cut()
    const turn = collect(cluster.turn('a1', { text: 'Hi', turnId: 't1' }))
    const attached = patient.attach('t1')
    const seen = collect(attached)
    attached.cancel()
    await clock.advance(6_000)
    expect(seen.ends).toEqual([])
    world.host.link.mend()
    await clock.advance(leaseMs * 2)
    expect(seen.ends).toMatchObject([{ code: 'cancelled' }])
    expect(turn.ends).toMatchObject([{ code: 'cancelled' }])
    await patient.close()
  })

  it('that no turn has is rejected after a while, and a bad one at once', async () => {
    const { cluster, clock } = await start()
    expect(await cluster.attach('not an id').done).toMatchObject({ code: 'rejected' })
    const turn = cluster.attach('t9')
    const seen = collect(turn)
    await clock.advance(graceMs)
    expect(seen.ends).toMatchObject([{ code: 'rejected', error: expect.stringContaining('"t9"') as string }])
  })
})

describe('With faults of the store, a turn', () => {
  it('is sent once though the answers of the inbox are lost', async () => {
    const { world, cluster, clock, store } = await start()
    store.link.losesAnswers = true
    const turn = cluster.turn('a1', 'Hi')
    await clock.advance(1_000)
    store.link.losesAnswers = false
    await clock.advance(1_000)
    const remote = await world.running(turn)
    remote.delta('one')
    remote.finish()
    await clock.advance()
    expect(await turn.text()).toBe('one')
    expect(world.host.runner.turns).toHaveLength(1)
  })

  it('ends with `server_unavailable` if the store does not answer, and at once if the caller cancels', async () => {
    const { cluster, clock, store } = await start()
    store.link.cut()
    const turn = collect(cluster.turn('a1', 'Hi'))
    const short = collect(cluster.turn('a1', { text: 'Hi', deadlineMs: 1_000 }))
    const cancelled = cluster.turn('a1', 'Hi')
    cancelled.cancel()
    await clock.advance(6_000)
    expect(short.ends).toMatchObject([{ code: 'server_unavailable' }])
    expect(await cancelled.done).toMatchObject({ code: 'cancelled' })
    await clock.advance(60_000)
    expect(turn.ends).toMatchObject([{ code: 'server_unavailable', retryable: true }])
    expect(turn.replies).toHaveLength(1)
  })

  it('reads what it has missed after a reconnect', async () => {
    const { clock, store, remote, seen } = await startTurn()
    remote.delta('a')
    await clock.advance()
    store.link.cut()
    for (const letter of 'bcd') {
      remote.delta(letter)
      await clock.advance()
    }
    remote.finish()
    await clock.advance(1_000)
    expect(seen.ends).toEqual([])
    store.link.mend()
    await clock.advance(1_000)
    expect(textOf(seen.replies)).toBe('abcd')
    expect(seen.ends).toMatchObject([{ content: 'abcd' }])
  })

  it.each([
    ['lost', (n: number) => (n % 3 === 1 ? 0 : 1), 500],
    ['repeated', () => 2, 0],
    ['all lost', () => 0, 6_000],
  ] as const)('has each reply once, in order, though batches are %s', async (_, times, ms) => {
    const { world, cluster, clock, store } = await start()
    let number = 0
    disturb(store, (batch, emit) => {
      for (let i = times(number++); i > 0; i--) emit(batch)
    })
    const turn = cluster.turn('a1', 'Hi')
    const seen = collect(turn)
    const remote = await world.running(turn)
    for (let i = 0; i < 20; i++) {
      remote.delta(`${i} `)
      await clock.advance(10)
    }
    remote.finish()
    await clock.advance(ms)
    expect(textOf(seen.replies)).toBe(remote.text)
    expect(seen.ends).toMatchObject([{ content: remote.text }])
    expect(seen.replies).toHaveLength(21)
  })

  it('has each reply once, in order, though batches come late', async () => {
    const { world, cluster, clock, store } = await start()
    disturb(store, (batch, emit) => void clock.setTimeout(() => emit(batch), (batch.seq * 37) % 100))
    const turn = cluster.turn('a1', 'Hi')
    const seen = collect(turn)
    const remote = await world.running(turn)
    for (let i = 0; i < 20; i++) {
      remote.delta(`${i} `)
      await clock.advance(10)
    }
    remote.finish()
    await clock.advance(1_000)
    expect(seen.replies).toHaveLength(21)
    expect(seen.ends).toMatchObject([{ content: remote.text }])
  })

  it('joins replies that are larger than a message', async () => {
    const { world, clock, turn, remote, seen } = await startTurn()
    const large = 'x"ü'.repeat(200_000)
    remote.delta(large)
    remote.finish()
    await clock.advance()
    expect(seen.replies).toMatchObject([{ content: large }, { content: large }])
    const batches = world.memory.records.turns.get(`acme.a1.${turn.id}`) ?? []
    expect(batches.length).toBeGreaterThan(2)
    expect(auditTurn(batches).problems).toEqual([])
  })
})

describe('When its host dies, a turn', () => {
  /** Kills the host of a turn; another host takes over. */
  async function killHost(input: TurnInput) {
    const started = await startTurn(input)
    const { world, clock, remote } = started
    remote.delta('lost')
    await clock.advance()
    const next = world.startHost('h2')
    await clock.advance(100)
    world.host.link.cut()
    world.host.actor.stop()
    await clock.advance(leaseMs * 2)
    return { ...started, next }
  }

  it('ends with `server_died`, and the next turn runs on another host', async () => {
    const { seen, cluster, world, clock, next } = await killHost({ text: 'Hi' })
    expect(seen.ends).toMatchObject([{ code: 'server_died', retryable: true, partial: 'lost' }])
    const turn = cluster.turn('a1', 'Hi')
    const remote = await world.running(turn, next)
    remote.finish()
    await clock.advance()
    expect(await turn.done).toMatchObject({ kind: 'final' })
  })

  it('runs again if it may resume: `status$` tells it, and the lost text does not count', async () => {
    const { seen, turn, world, clock, next } = await killHost({ text: 'Hi', resume: true })
    const states: string[] = []
    turn.status$.subscribe(({ state }) => states.push(state))
    const remote = await world.running(turn, next)
    remote.delta('found')
    remote.finish()
    await clock.advance()
    expect(states).toEqual(['queued', 'running', 'retrying', 'running', 'done'])
    expect(seen.ends).toMatchObject([{ kind: 'final', content: 'found' }])
  })

  it('that runs again has only the text of its last run as `partial`', async () => {
    const { seen, turn, world, clock, next, cluster } = await killHost({ text: 'Hi', resume: true })
    const remote = await world.running(turn, next)
    remote.delta('half')
    await clock.advance()
    await cluster.close()
    expect(seen.ends).toMatchObject([{ code: 'server_unavailable', partial: 'half' }])
  })

  it('ends with `server_unavailable` if no host ends it within its deadline and a grace', async () => {
    const { world, clock, seen, remote } = await startTurn({ text: 'Hi', deadlineMs: 10_000 })
    remote.delta('half')
    await clock.advance()
    world.host.link.cut()
    world.host.actor.stop()
    await clock.advance(10_000 + graceMs - 1_000)
    expect(seen.ends).toEqual([])
    await clock.advance(1_000)
    expect(seen.ends).toMatchObject([{ code: 'server_unavailable', partial: 'half' }])
  })

  it('that somebody only follows is not cancelled at the end of his patience', async () => {
    const { world, clock, turn, remote } = await startTurn({ text: 'Hi', deadlineMs: 80_000_000 })
    const { cluster: other } = await world.connect()
    const attached = collect(other.attach(turn.id))
    await clock.advance(2_000_000)
    expect(attached.ends).toMatchObject([{ code: 'server_unavailable' }])
    await clock.advance(100)
    expect(remote.isOver).toBe(false)
  })

  it('never throws, also if its connection has ended for good', async () => {
    const { clock, cluster, store } = await start()
    store.records.watch = () => {
      throw new Error('closed connection')
    }
    store.link.cut()
    const seen = collect(cluster.turn('a1', { text: 'Hi', deadlineMs: 1_000 }))
    await clock.advance(2_000)
    expect(seen.ends).toMatchObject([{ code: 'server_unavailable' }])
  })

  it('without a deadline ends half an hour after its last record', async () => {
    const { world, clock, seen, remote } = await startTurn()
    await clock.advance(1_000_000)
    remote.delta('half')
    await clock.advance()
    world.host.link.cut()
    world.host.actor.stop()
    await clock.advance(1_000_000)
    expect(seen.ends).toEqual([])
    await clock.advance(900_000)
    expect(seen.ends).toMatchObject([{ code: 'server_unavailable' }])
  })
})

describe('The connection to a cluster', () => {
  it('that is closed ends the handles of its turns, and not the turns', async () => {
    const { world, clock, cluster, seen, turn, remote } = await startTurn()
    await cluster.close()
    expect(seen.ends).toMatchObject([
      { code: 'server_unavailable', error: expect.stringContaining('attach') as string },
    ])
    expect(collect(cluster.turn('a1', 'Hi')).replies).toMatchObject([{ code: 'server_unavailable' }])
    const { cluster: other } = await world.connect()
    const attached = other.attach(turn.id)
    remote.delta('on')
    remote.finish()
    await clock.advance(100)
    expect(await attached.text()).toBe('on')
  })

  it('tells the hosts and the places, and that a host is late, and gone', async () => {
    const { world, clock, cluster } = await startTurn()
    await clock.advance(leaseMs)
    const status = () => cluster.status.hosts.map(({ id, state }) => `${id} ${state}`)
    expect(status()).toEqual(['h1 up'])
    expect(cluster.status.places).toEqual([{ agentId: 'a1', tenant: 'acme', hostId: 'h1', epoch: 1 }])
    world.host.link.cut()
    await clock.advance(leaseMs * 0.6)
    expect(status()).toEqual(['h1 doubtful'])
    await clock.advance(leaseMs)
    expect(status()).toEqual([])
  })

  it('that was cut judges no host for a lease', async () => {
    const { clock, cluster, store } = await startTurn()
    store.link.cut()
    await clock.advance(leaseMs * 3)
    store.link.mend()
    await clock.advance(10)
    expect(cluster.status.hosts).toMatchObject([{ id: 'h1' }])
  })

  it('completes `status$` when it is closed', async () => {
    const { cluster } = await start()
    let isComplete = false
    cluster.status$.subscribe({ complete: () => (isComplete = true) })
    await cluster.close()
    await new Promise(setImmediate)
    expect(isComplete).toBe(true)
  })

  it('needs a name and a function that connects', async () => {
    await expect(
      connectCluster({ name: 'a b', connect: () => Promise.reject(new Error('no')) }),
    ).rejects.toThrow('name')
    await expect(connectCluster({ name: 'a' } as never)).rejects.toThrow('`connect` is required')
  })
})
