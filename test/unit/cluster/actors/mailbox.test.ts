import { describe, expect, it, vi } from 'vitest'
import type { SystemClock } from '../../../../src/actors/clock.ts'
import { Mailbox } from '../../../../src/cluster/actors/mailbox/mailbox.ts'
import { FencedHomeError } from '../../../../src/cluster/homes/home-register.ts'
import { TurnGate } from '../../../../src/cluster/actors/turn-gate.ts'
import { ClusterStoreError } from '../../../../src/cluster/store/cluster-store.ts'
import { MemoryCluster, type MemoryStore } from '../../../../src/cluster/store/memory/memory-store.ts'
import type { SentTurn } from '../../../../src/cluster/turn-facts.ts'
import { deferred } from '../../../../src/util/deferred.ts'
import { endsOf, factsOf, sentTurn } from '../../../support/cluster-facts.ts'
import { ScriptedAgents } from '../../../support/scripted-agents.ts'
import { SteppedClock } from '../../../support/stepped-clock.ts'

const agent = { tenant: 'acme', agentId: 'a1' }

/** Cluster with one agent, whose owners a test makes. */
function world() {
  const clock = new SteppedClock()
  const cluster = new MemoryCluster(() => clock.now())
  const caller = cluster.connect()
  const sessions = new Map<string, string>()
  let epoch = 0
  /** Makes a new owner. */
  const own = (
    store: MemoryStore = cluster.connect(),
    more: { failure?: string; places?: number; save?: (signal: AbortSignal) => Promise<void> } = {},
  ) => {
    const agents = new ScriptedAgents([agent])
    const reports: string[] = []
    const mailbox = new Mailbox(
      {
        store,
        agent,
        hostId: `h${++epoch}`,
        epoch,
        clock: clock as SystemClock,
        now: () => clock.now(),
        runner: agents,
        failure: more.failure,
        gate: new TurnGate(more.places ?? 10),
        sessions,
        saveBeforeEnd: more.save,
      },
      {
        onBusy: (isBusy) => reports.push(isBusy ? 'busy' : 'idle'),
        onLost: () => reports.push('lost'),
      },
    )
    store.inbox.watch(({ seq }) => mailbox.notice(seq), new AbortController().signal)
    void mailbox.load()
    return { mailbox, agents, reports, store }
  }
  const send = async (turnId: string, more: Partial<SentTurn> = {}) => {
    await caller.inbox.add(agent, turnId, { type: 'turn', turn: sentTurn(turnId, more) })
    await clock.advance()
  }
  const facts = (turnId: string) => factsOf(cluster, agent, turnId)
  const kinds = (turnId: string) =>
    facts(turnId).map((fact) => (fact.kind === 'reply' ? fact.reply.kind : fact.kind))
  const ends = (turnId: string) => endsOf(cluster, agent, turnId)
  return { clock, cluster, caller, own, send, facts, kinds, ends, sessions }
}

describe('The replies of a removed agent', () => {
  const removed = (more: object) => ({ id: 'a1', tenant: 'acme', declared: { removed: true, ...more } })

  it.each([
    {
      what: 'are deleted when the turn ends, if the removal says so',
      more: { erases: true },
      left: ['erased'],
    },
    { what: 'stay otherwise', more: {}, left: ['claimed', 'started', 'delta', 'final'] },
  ])('$what', async ({ more, left }) => {
    const { own, send, cluster, kinds, clock, caller } = world()
    const { agents } = own()
    await send('t1')
    agents.running[0]?.delta('text')
    await clock.advance()
    cluster.agents.change('acme.a1', removed(more), 0)
    agents.running[0]?.finish()
    await clock.advance()
    await vi.waitFor(async () => expect(await caller.inbox.next(agent, 0)).toBeUndefined(), {
      timeout: 15_000,
    })
    expect(kinds('t1').filter((kind) => left.includes(kind))).toEqual(left)
    expect(kinds('t1').includes('delta')).toBe(left.includes('delta'))
  })
})

describe('A mailbox', () => {
  it('stores the end of a turn when the home is saved, and not before', async () => {
    const { clock, own, send, ends } = world()
    const saved = deferred<undefined>()
    const { agents, mailbox } = own(undefined, { save: () => saved.promise })
    await send('t1')
    agents.turns[0]?.finish()
    await clock.advance(1_000)
    expect(ends('t1')).toEqual([])
    saved.resolve(undefined)
    await clock.advance()
    expect(ends('t1')).toMatchObject([{ kind: 'final' }])
    mailbox.close()
  })

  it('that has lost the agent while a home is saved ends nothing, and the next owner ends the turn', async () => {
    const { clock, own, send, ends } = world()
    let signal: AbortSignal | undefined
    const { agents, mailbox } = own(undefined, {
      save: (given) => {
        signal = given
        return new Promise(() => undefined)
      },
    })
    await send('t1')
    agents.turns[0]?.finish()
    await clock.advance()
    mailbox.close()
    expect(signal?.aborted).toBe(true)
    own()
    await clock.advance()
    expect(ends('t1')).toMatchObject([{ code: 'server_died' }])
  })

  it('whose home another owner has is lost', async () => {
    const { clock, own, send, ends } = world()
    const { agents, reports } = own(undefined, { save: () => Promise.reject(new FencedHomeError('fenced')) })
    await send('t1')
    agents.turns[0]?.finish()
    await clock.advance()
    expect(reports).toContain('lost')
    expect(ends('t1')).toEqual([])
  })

  it('runs a turn, records all of it, and removes it from the inbox', async () => {
    const { clock, own, send, facts, kinds, caller } = world()
    const { agents, reports } = own()
    await clock.advance()
    await send('t1', { traceId: 'x', input: { text: 'Hi' } })
    const [turn] = agents.turns
    expect(turn?.input).toMatchObject({ text: 'Hi', turnId: 't1', traceId: 'x', priority: 5 })
    turn?.session('ses_1')
    turn?.delta('Hel')
    turn?.delta('lo')
    turn?.todos$.next([])
    await clock.advance()
    turn?.finish()
    await clock.advance()
    expect(kinds('t1')).toEqual(['claimed', 'started', 'status', 'delta', 'todos', 'session', 'final'])
    expect(facts('t1').at(-1)).toMatchObject({ reply: { content: 'Hello', trace_id: 'x' } })
    expect(await caller.inbox.next(agent, 0)).toBeUndefined()
    expect(reports).toEqual(['idle', 'busy', 'idle'])
  })

  it('stores `started` before anything runs', async () => {
    const { clock, own, send, kinds } = world()
    const { agents, store } = own()
    await clock.advance()
    let before: string[] = []
    agents.onTurn = () => (before = kinds('t1'))
    store.link.losesAnswers = true
    await send('t1')
    expect(agents.turns).toHaveLength(0)
    store.link.losesAnswers = false
    await clock.advance(500)
    expect(before).toEqual(['claimed', 'started'])
  })

  it('that is given up does not wait for a turn that has no place yet: the next owner runs it', async () => {
    const { clock, own, send, ends } = world()
    const first = own(undefined, { places: 0 })
    await send('t1')
    const onDrained = vi.fn()
    void first.mailbox.drain().then(onDrained)
    await clock.advance(1)
    expect(onDrained).toHaveBeenCalled()
    first.mailbox.close()
    const next = own()
    await clock.advance(1)
    next.agents.turns[0]?.finish()
    await clock.advance(1)
    expect(ends('t1')).toMatchObject([{ kind: 'final' }])
  })

  it('forgets a session that the agent does not have any more', async () => {
    const { clock, own, send, sessions } = world()
    const { agents } = own()
    sessions.set('c', 'ses_gone')
    await send('t1', { conversation: 'c' })
    expect(agents.turns[0]?.input.sessionId).toBe('ses_gone')
    agents.turns[0]?.end({
      ...{ kind: 'error', trace_id: null, error: 'No such session', retryable: false },
      code: 'session_not_found',
    })
    await clock.advance(1)
    await send('t2', { conversation: 'c' })
    expect(agents.turns[1]?.input.sessionId).toBeUndefined()
  })

  it('runs one turn of a conversation at a time, in order, in one session, and other conversations beside', async () => {
    const { clock, own, send } = world()
    const { agents } = own()
    await send('t1', { conversation: 'c' })
    await send('t2', { conversation: 'c' })
    await send('t3')
    expect(agents.running.map(({ input }) => input.turnId)).toEqual(['t1', 't3'])
    agents.turns[0]?.session('ses_7')
    agents.turns[0]?.finish()
    await clock.advance()
    expect(agents.turns.at(-1)?.input).toMatchObject({ turnId: 't2', sessionId: 'ses_7' })
  })

  it('cancels a waiting turn at once, and a running one by its server', async () => {
    const { clock, own, send, caller, ends, kinds } = world()
    const { agents } = own()
    await send('t1', { conversation: 'c' })
    await send('t2', { conversation: 'c' })
    for (const turnId of ['t2', 't1']) await caller.inbox.add(agent, turnId, { type: 'cancel' })
    await clock.advance()
    expect(ends('t1')).toMatchObject([{ code: 'cancelled' }])
    expect(ends('t2')).toMatchObject([{ code: 'cancelled' }])
    expect(kinds('t2')).toEqual(['claimed', 'error'])
    expect(agents.turns).toHaveLength(1)
  })

  it('reads a cancel at the end of what was left before anything runs', async () => {
    const { own, send, caller, ends, clock } = world()
    await send('t1')
    await caller.inbox.add(agent, 't1', { type: 'cancel' })
    const { agents } = own()
    await clock.advance()
    expect(agents.turns).toHaveLength(0)
    expect(ends('t1')).toMatchObject([{ code: 'cancelled' }])
  })

  it('runs a turn that was sent after a cancel of the same id', async () => {
    const { clock, caller, own, send, ends } = world()
    await caller.inbox.add(agent, 't1', { type: 'cancel' })
    await send('t1')
    const { agents, mailbox } = own()
    await clock.advance()
    agents.turns[0]?.finish()
    await clock.advance()
    expect(ends('t1')).toMatchObject([{ kind: 'final' }])
    mailbox.close()
  })

  it('passes answers on, and rejects requests at once if the caller answers none', async () => {
    const { clock, own, send, caller, kinds } = world()
    const { agents } = own()
    await send('t1', { answers: true })
    await send('t2')
    const [one, two] = agents.turns
    one?.ask('r1')
    two?.ask('r2')
    await clock.advance()
    expect(two?.answers).toEqual([['r2', 'reject']])
    expect(one?.answers).toEqual([])
    await caller.inbox.add(agent, 't1', { type: 'answer', requestId: 'r1', answer: 'once' })
    await clock.advance()
    expect(one?.answers).toEqual([['r1', 'once']])
    expect(kinds('t1')).toEqual(['claimed', 'started', 'status', 'request', 'request_closed'])
  })

  it('records a request that a fixed policy answers as asked and closed', async () => {
    const { clock, own, send, facts } = world()
    const { agents } = own()
    await send('t1')
    agents.turns[0]?.ask('r1', false)
    await clock.advance()
    expect(facts('t1').slice(-2)).toMatchObject([
      { kind: 'request', pending: { request: { id: 'r1' }, turnId: 't1' } },
      { kind: 'request_closed', requestId: 'r1', by: 'answer' },
    ])
  })

  it('ends a turn that waits longer than its deadline', async () => {
    const { clock, own, send, ends, kinds } = world()
    const { agents } = own(undefined, { places: 1 })
    await send('t1')
    await send('t2', { deadlineMs: 5_000 })
    await clock.advance(4_999)
    expect(ends('t2')).toEqual([])
    await clock.advance(1)
    expect(ends('t2')).toMatchObject([{ code: 'deadline_exceeded', retryable: true }])
    agents.turns[0]?.finish()
    await clock.advance()
    expect(kinds('t2')).toEqual(['claimed', 'error'])
    await send('t3', { deadlineMs: 5_000 })
    expect(agents.turns.at(-1)?.input).toMatchObject({ turnId: 't3', deadlineMs: 5_000 })
  })

  it('ends a turn that an earlier owner had started with server_died and its text', async () => {
    const { clock, own, send, ends } = world()
    const first = own()
    await send('t1')
    first.agents.turns[0]?.delta('Hel')
    await clock.advance()
    const second = own()
    await clock.advance()
    expect(ends('t1')).toMatchObject([{ code: 'server_died', partial: 'Hel', retryable: true }])
    expect(second.agents.turns).toEqual([])
    first.agents.turns[0]?.finish()
    await clock.advance()
    expect(ends('t1')).toHaveLength(1)
    expect(first.reports).toContain('lost')
  })

  it('runs a started turn again if it may resume and has produced only text', async () => {
    const { clock, own, send, kinds, ends } = world()
    const { agents } = own()
    await send('t1', { input: { text: 'Hi', resume: true } })
    await send('t2', { input: { text: 'Hi', resume: true } })
    agents.turns[0]?.delta('Hel')
    agents.turns[1]?.tool()
    await clock.advance()
    const second = own()
    await clock.advance()
    expect(ends('t2')).toMatchObject([{ code: 'server_died' }])
    second.agents.turns[0]?.delta('Hello')
    second.agents.turns[0]?.finish()
    await clock.advance()
    expect(kinds('t1')).toEqual([
      ...['claimed', 'started', 'status', 'delta'],
      ...['claimed', 'restarted', 'started', 'status', 'delta', 'final'],
    ])
  })

  it('runs a turn that an earlier owner has claimed only', async () => {
    const { clock, own, send, kinds } = world()
    const first = own(undefined, { places: 0 })
    await send('t1')
    first.mailbox.close()
    const { agents } = own()
    await clock.advance()
    agents.turns[0]?.finish()
    await clock.advance()
    expect(kinds('t1')).toEqual(['claimed', 'claimed', 'started', 'status', 'final'])
  })

  it('never runs a turn again that has its end, though its message is still there', async () => {
    const { clock, cluster, own, send, ends, caller } = world()
    const { agents } = own()
    await send('t1')
    const mails = [...cluster.mail.mails]
    agents.turns[0]?.finish()
    await clock.advance()
    cluster.mail.mails = mails
    const second = own()
    await clock.advance()
    expect(second.agents.turns).toEqual([])
    expect(ends('t1')).toHaveLength(1)
    expect(await caller.inbox.next(agent, 0)).toBeUndefined()
  })

  it('stores nothing more after it was closed, and ends its work', async () => {
    const { clock, own, send, kinds } = world()
    const { agents, mailbox, reports } = own()
    await send('t1')
    agents.turns[0]?.delta('Hel')
    await clock.advance()
    mailbox.close()
    expect(agents.running).toEqual([])
    await clock.advance(1_000)
    expect(kinds('t1')).toEqual(['claimed', 'started', 'status', 'delta'])
    expect(reports).not.toContain('lost')
  })

  it('runs nothing if it was closed before the store has answered that the turn is started', async () => {
    const { clock, own, send, kinds } = world()
    const { agents, mailbox, store } = own()
    await clock.advance()
    const { records } = store
    const append = records.append.bind(records)
    const answering = deferred<undefined>()
    records.append = async (...args) => {
      const stored = await append(...args)
      if (args[2].first > 1) await answering.promise
      return stored
    }
    await send('t1')
    expect(kinds('t1')).toEqual(['claimed', 'started'])
    mailbox.close()
    answering.resolve(undefined)
    await clock.advance(1_000)
    expect(agents.turns).toEqual([])
  })

  it('drains: running turns end, waiting ones stay in the inbox', async () => {
    const { clock, own, send, kinds, caller } = world()
    const { agents, mailbox } = own(undefined, { places: 1 })
    await send('t1')
    await send('t2')
    let isDrained = false
    void mailbox.drain().then(() => (isDrained = true))
    await clock.advance()
    expect(isDrained).toBe(false)
    agents.turns[0]?.finish()
    await clock.advance()
    expect(isDrained).toBe(true)
    expect(kinds('t2')).toEqual(['claimed'])
    expect(await caller.inbox.next(agent, 0)).toMatchObject({ turnId: 't2' })
  })

  it('is drained when its ended turns are out of the inbox: no host claims the agent for them', async () => {
    const { clock, own, send, cluster, ends } = world()
    const { agents, mailbox } = own()
    await send('t1')
    void mailbox.drain().then(() => mailbox.close())
    agents.turns[0]?.finish()
    await clock.advance()
    expect(ends('t1')).toHaveLength(1)
    expect(cluster.mail.mails).toEqual([])
  })

  it('of an agent that cannot be used tells so to each turn', async () => {
    const { own, send, ends } = world()
    own(undefined, { failure: 'No home' })
    await send('t1')
    expect(ends('t1')).toMatchObject([{ code: 'server_unavailable', error: 'No home', retryable: true }])
  })

  it('goes on after the store was away', async () => {
    const { clock, own, send, kinds } = world()
    const { agents, mailbox, store } = own()
    await send('t1')
    store.link.cut()
    agents.turns[0]?.delta('Hello')
    agents.turns[0]?.finish()
    await clock.advance(2_000)
    await send('t2')
    expect(kinds('t1')).toEqual(['claimed', 'started', 'status'])
    store.link.mend()
    mailbox.look()
    await clock.advance(200)
    expect(kinds('t1')).toEqual(['claimed', 'started', 'status', 'delta', 'final'])
    expect(agents.turns).toHaveLength(2)
  })

  it('lists the open requests of its turns in the store, also for an owner after a death', async () => {
    const { clock, cluster, own, send } = world()
    const first = own()
    await clock.advance()
    await send('t1', { answers: true })
    first.agents.turns[0]?.ask('p1')
    await clock.advance()
    expect(cluster.requests.entry('acme.a1.t1')?.value).toMatchObject({
      ...{ tenant: 'acme', agentId: 'a1', epoch: 1 },
      open: [{ agentId: 'a1', tenant: 'acme', request: { id: 'p1' } }],
    })
    await first.agents.turns[0]?.answer('p1', 'once')
    await clock.advance(300)
    expect(cluster.requests.entry('acme.a1.t1')).toBeUndefined()
    first.agents.turns[0]?.ask('p2')
    await clock.advance()
    expect(cluster.requests.entry('acme.a1.t1')?.value.open).toHaveLength(1)
    first.store.link.cut()
    own()
    await clock.advance(1_000)
    expect(cluster.requests.entry('acme.a1.t1')).toBeUndefined()
  })

  it('leaves the list of requests of an ended turn to the next owner if it cannot be deleted', async () => {
    const { clock, cluster, own, send, ends } = world()
    const lists = () => [...cluster.requests.changes.values()].filter(({ value }) => value !== undefined)
    const first = own()
    await clock.advance()
    await send('t1', { answers: true })
    first.agents.turns[0]?.ask('p1')
    await clock.advance()
    first.store.requests.delete = () => Promise.reject(new ClusterStoreError('unavailable', 'no answer'))
    first.agents.turns[0]?.finish()
    await clock.advance(1_000)
    expect(ends('t1')).toHaveLength(1)
    expect(lists()).toHaveLength(1)
    first.mailbox.close()
    own()
    await clock.advance(1_000)
    expect(lists()).toEqual([])
    expect(cluster.mail.mails).toEqual([])
  })

  it('deletes the session of a throw-away turn after its end', async () => {
    const { clock, own, send } = world()
    const { agents } = own()
    await clock.advance()
    await send('t1', { isThrowAway: true })
    await send('t2')
    for (const turn of agents.turns) {
      turn.session(`ses_${turn.input.turnId}`)
      turn.finish()
    }
    await clock.advance()
    expect(agents.deletedSessions).toEqual(['ses_t1'])
  })
})
