import { describe, expect, it } from 'vitest'
import { DecidedFleet } from '../../../support/decided-fleet.ts'

const ids = (...names: string[]) => names.map((id) => ({ id }))
const refused = (agentId: string, turnId: string, error: string, seconds: number) =>
  `${agentId} turn.refused ${turnId} ${JSON.stringify({
    code: 'overloaded',
    error: `${error}; the wait to expect is about ${seconds} s`,
  })}`

describe('A turn', () => {
  it('of an unknown agent, or with the id of another turn, changes nothing', () => {
    const fleet = new DecidedFleet({}, ids('a1'))
    fleet.turn('nobody', 't1')
    expect(fleet.told()).toEqual([])
    fleet.start('a1', 't1')
    const { context } = fleet
    fleet.turn('a1', 't1')
    expect(fleet.told()).toEqual([])
    expect(fleet.context).toBe(context)
  })

  it('waits with its agent, tenant, conversation, priority and time of arrival', () => {
    const fleet = new DecidedFleet({}, [{ id: 'a1', tenant: 'acme' }])
    fleet.now = 3
    fleet.turn('a1', 't1', { conversationId: 'c1', priority: 7 })
    expect(fleet.context.queue.entry('t1')).toStrictEqual({
      ...{ turnId: 't1', agentId: 'a1', tenant: 'acme', conversationId: 'c1', priority: 7, at: 3 },
    })
  })

  it('that is an operation is accepted as such, counts for no limit, and is never refused', () => {
    const fleet = new DecidedFleet({ maxRunningTurns: 1, maxQueuedTurns: 0 }, ids('a1'))
    fleet.start('a1', 't1')
    fleet.turn('a1', 'op', { isOperation: true, conversationId: 'c1' })
    expect(fleet.told()).toEqual(['a1 turn.accepted op c1 true true'])
    expect(fleet.context.queue.load).toEqual({ running: 1, queued: 0, max: 1 })
    fleet.turn('a1', 'later', { isOperation: true, conversationId: 't1' })
    expect(fleet.told()).toEqual(['a1 turn.accepted later t1 true'])
  })

  it('that stands for a caller who waits for the start is not accepted, and uses the server', () => {
    const fleet = new DecidedFleet({}, ids('a1'))
    fleet.turn('a1', 'lease', { isLease: true, isOperation: true })
    expect(fleet.told()).toEqual([])
    expect(fleet.stages('a1')).toEqual(['idle'])
    expect(fleet.context.queue.waitingOf('a1')).toBe(1)
  })

  it('of an agent that is removed or of a closing fleet is refused with the cause, and ends the unused server', () => {
    const fleet = new DecidedFleet({}, ids('a1', 'a2'))
    for (const [id, leaving] of [
      ['a1', 'removed'],
      ['a2', 'closing'],
    ] as const) {
      fleet.activate(id)
      fleet.change(id, { leaving })
      fleet.turn(id, 't1')
    }
    expect(fleet.told()).toEqual([
      'a1 turn.refused t1 {"code":"cancelled","error":"The agent was removed"}',
      'a1 server.passivate',
      'a2 turn.refused t1 {"code":"cancelled","error":"The fleet was closed"}',
      'a2 server.passivate',
    ])
    expect(fleet.stages('a1', 'a2')).toEqual(['idle', 'idle'])
  })

  it('of an agent that is removed is refused also if its server could run the turn at once', () => {
    const fleet = new DecidedFleet({}, ids('a1'))
    fleet.start('a1', 't1')
    fleet.change('a1', { leaving: 'removed' })
    fleet.turn('a1', 't2')
    expect(fleet.told()).toEqual(['a1 turn.refused t2 {"code":"cancelled","error":"The agent was removed"}'])
    expect(fleet.context.queue.has('t2')).toBe(false)
  })

  it('is refused beyond the bound of its agent, with the bound and at least one second to wait', () => {
    const fleet = new DecidedFleet({}, [{ id: 'a1', maxRunningTurns: 1, maxQueuedTurns: 1 }])
    fleet.start('a1', 't1')
    fleet.turn('a1', 't2')
    fleet.told()
    fleet.turn('a1', 't3')
    const bound = 'The queue of the agent a1 is full: its maxQueuedTurns allows 1 waiting turns'
    expect(fleet.told()).toEqual([refused('a1', 't3', bound, 1)])
    fleet.now = 5_001
    fleet.turn('a1', 't3')
    expect(fleet.told()).toEqual([refused('a1', 't3', bound, 11)])
    expect(fleet.context.queue.has('t3')).toBe(false)
  })

  it('is refused beyond the bound of its tenant or fleet, with the bound', () => {
    const agents = [
      { id: 'a1', tenant: 'acme', maxRunningTurns: 1 },
      { id: 'b1', maxRunningTurns: 1 },
    ]
    const fleet = new DecidedFleet({ maxQueuedTurns: 3 }, agents, { acme: { maxQueuedTurns: 2 } })
    fleet.start('a1', 't1')
    fleet.start('b1', 't2')
    for (const turnId of ['t3', 't4']) fleet.turn('a1', turnId)
    fleet.told()
    fleet.turn('a1', 't5')
    fleet.turn('b1', 't6')
    fleet.turn('b1', 't7')
    fleet.turn('a1', 't8')
    const text = (owner: string, n: number) =>
      `The queue of ${owner} is full: its maxQueuedTurns allows ${n} waiting turns`
    expect(fleet.told()).toEqual([
      refused('a1', 't5', text('the tenant acme', 2), 1),
      'b1 turn.accepted t6 t6 false',
      refused('b1', 't7', text('the fleet', 3), 1),
      refused('a1', 't8', text('the fleet', 3), 1),
    ])
  })
})

/** Returns whether a turn is refused by a fleet without a queue. */
function isRefused(fleet: DecidedFleet, id: string, turnId: string, conversationId = turnId): boolean {
  fleet.told()
  fleet.turn(id, turnId, { conversationId })
  return fleet.told().some((line) => line.includes('turn.refused'))
}

describe('A turn without a queue', () => {
  it('is taken if its server is healthy, unless its conversation is busy', () => {
    const fleet = new DecidedFleet({ maxQueuedTurns: 0, maxServers: 1 }, ids('a1'))
    fleet.start('a1', 't1')
    expect(isRefused(fleet, 'a1', 't2', 't1')).toBe(true)
    expect(isRefused(fleet, 'a1', 't2')).toBe(false)
  })

  it('is taken if its server starts or can start, up to the turns that the agent can then run', () => {
    const fleet = new DecidedFleet({ maxQueuedTurns: 0, maxServers: 1 }, [{ id: 'a1', maxRunningTurns: 2 }])
    expect(isRefused(fleet, 'a1', 't1')).toBe(false)
    fleet.stage('a1', 'asking')
    expect(fleet.stages('a1')).toEqual(['starting'])
    expect(isRefused(fleet, 'a1', 't2', 't1')).toBe(true)
    expect(isRefused(fleet, 'a1', 't2')).toBe(false)
    expect(isRefused(fleet, 'a1', 't3')).toBe(true)
  })

  it('is refused if no place is free for its server, or another start comes first', () => {
    const fleet = new DecidedFleet(
      { maxQueuedTurns: 0, maxServers: 2, maxStarting: 1 },
      ids('a1', 'a2', 'a3'),
    )
    expect(isRefused(fleet, 'a1', 't1')).toBe(false)
    fleet.stage('a1', 'asking')
    expect(isRefused(fleet, 'a2', 't2')).toBe(false)
    fleet.stage('a2', 'asking')
    expect(fleet.stages('a1', 'a2')).toEqual(['starting', 'asking'])
    expect(isRefused(fleet, 'a3', 't3')).toBe(true)
    fleet.stage('a1', 'healthy')
    expect(fleet.stages('a1', 'a2')).toEqual(['healthy', 'starting'])
    expect(isRefused(fleet, 'a3', 't3')).toBe(true)
  })

  it('counts the running turns of a server that is replaced', () => {
    const fleet = new DecidedFleet({ maxQueuedTurns: 0 }, [{ id: 'a1', maxRunningTurns: 2 }])
    fleet.start('a1', 't1')
    fleet.stage('a1', 'asking')
    expect(fleet.stages('a1')).toEqual(['starting'])
    expect(isRefused(fleet, 'a1', 't2')).toBe(false)
    expect(isRefused(fleet, 'a1', 't3')).toBe(true)
  })
})

describe('A report of a stage', () => {
  it('of an unknown agent, or that a new server is idle, changes nothing', () => {
    const fleet = new DecidedFleet({}, ids('a1'))
    fleet.activate('a1')
    const { context } = fleet
    fleet.stage('nobody', 'idle')
    fleet.stage('a1', 'idle')
    expect(fleet.context).toBe(context)
    expect(fleet.told()).toEqual([])
    fleet.stage('a1', 'failed')
    expect(fleet.stages('a1')).toEqual(['failed'])
  })

  it('that a server is healthy is a use, and its time is noted', () => {
    const fleet = new DecidedFleet({}, ids('a1'))
    fleet.turn('a1', 't1')
    fleet.stage('a1', 'asking')
    const { uses } = fleet.context
    fleet.now = 42
    fleet.stage('a1', 'healthy')
    // The turn is admitted next, which is a use too.
    expect(fleet.context.uses).toBe(uses + 2)
    expect(fleet.agent('a1')).toMatchObject({ healthyAt: 42, lastUse: uses + 2 })
    fleet.left('a1', 't1')
    fleet.now = 50
    fleet.stage('a1', 'draining')
    expect(fleet.agent('a1')).toMatchObject({ healthyAt: 42, lastUse: uses + 3 })
  })

  it('that a server is healthy makes it the last one to be evicted', () => {
    const fleet = new DecidedFleet({ maxServers: 2 }, ids('a1', 'a2', 'b1'))
    fleet.activate('a1')
    fleet.stage('a1', 'asking')
    fleet.startIdle('a2')
    fleet.stage('a1', 'healthy')
    fleet.turn('b1', 't1')
    fleet.stage('b1', 'asking')
    expect(fleet.evictions).toEqual(['a2 place'])
  })

  it('that an evicted server ends keeps the stage, and its end gives the place and the memory back', () => {
    const fleet = new DecidedFleet({ maxServers: 1 }, ids('a1', 'b1'))
    fleet.startIdle('a1')
    fleet.memory('a1', 123)
    fleet.turn('b1', 't1')
    fleet.stage('b1', 'asking')
    fleet.stage('a1', 'ending', 'evicted')
    expect(fleet.agent('a1')).toMatchObject({ stage: 'evicting', residentMb: 123 })
    expect(fleet.evictions).toEqual(['a1 place'])
    fleet.stage('a1', 'cooling')
    expect(fleet.agent('a1')).toMatchObject({ stage: 'cooling', residentMb: undefined })
    expect(fleet.stages('b1')).toEqual(['starting'])
  })

  it('that a healthy server ends because it was idle is an eviction, and no other end is', () => {
    const fleet = new DecidedFleet({}, ids('a1'))
    const end = (stage: 'ending' | 'draining', reason: string | undefined) => {
      fleet.startIdle('a1')
      fleet.stage('a1', stage, reason)
      fleet.stage('a1', 'idle')
      fleet.gone('a1')
    }
    end('ending', 'stopped')
    end('ending', undefined)
    end('draining', 'idle')
    expect(fleet.evictions).toEqual([])
    fleet.startIdle('a1')
    fleet.stage('a1', 'draining')
    fleet.stage('a1', 'ending', 'idle')
    expect(fleet.evictions).toEqual([])
    fleet.stage('a1', 'idle')
    end('ending', 'idle')
    expect(fleet.evictions).toEqual(['a1 idle'])
  })

  it('can lead to an eviction besides', () => {
    const fleet = new DecidedFleet({ maxServers: 2 }, ids('a1', 'a2', 'b1', 'b2'))
    for (const id of ['a1', 'a2']) {
      fleet.startIdle(id)
      fleet.calls(id, 1)
    }
    for (const id of ['b1', 'b2']) {
      fleet.turn(id, id)
      fleet.stage(id, 'asking')
    }
    fleet.change('a2', { calls: 0 })
    fleet.stage('a1', 'ending', 'idle')
    expect(fleet.evictions).toEqual(['a1 idle', 'a2 place'])
  })

  it('that a server asks for a start makes an entry if no turn waits, and its other stages remove the entry', () => {
    const fleet = new DecidedFleet({ maxServers: 1 }, ids('a1', 'a2'))
    fleet.start('a2', 't2')
    fleet.activate('a1')
    fleet.stage('a1', 'asking')
    expect(fleet.context.queue.entry('start:a1')).toEqual({
      turnId: 'start:a1',
      agentId: 'a1',
      tenant: 'a1',
      conversationId: 'start:a1',
      priority: 5,
      at: 0,
      isOperation: true,
    })
    expect(fleet.context.queue.load.queued).toBe(0)
    fleet.told()
    fleet.stage('a1', 'idle')
    expect(fleet.context.queue.has('start:a1')).toBe(false)
    expect(fleet.told()).toEqual(['a1 server.passivate'])
  })

  it('that a server asks for a start makes no entry if a turn waits', () => {
    const fleet = new DecidedFleet({ maxServers: 1 }, ids('a1', 'a2'))
    fleet.start('a2', 't2')
    fleet.turn('a1', 't1')
    fleet.stage('a1', 'asking')
    expect(fleet.context.queue.idsOf('a1')).toEqual(['t1'])
  })

  it('that a server asks for a start comes first if turns of its own run, also if others wait', () => {
    const fleet = new DecidedFleet({ maxServers: 2 }, ids('a1', 'a2', 'a3'))
    fleet.start('a1', 't1')
    fleet.start('a2', 't2')
    fleet.turn('a1', 't3', { conversationId: 't1' })
    fleet.stage('a1', 'cooling')
    fleet.turn('a3', 't4')
    fleet.stage('a3', 'asking')
    fleet.now = 9
    fleet.stage('a1', 'asking')
    expect(fleet.context.queue.entry('start:a1')).toMatchObject({ isResuming: true, at: 9 })
    fleet.stage('a1', 'healthy')
    expect(fleet.context.queue.has('start:a1')).toBe(false)
  })

  it('that a server asks for a start comes no longer first when its running turns have left', () => {
    const fleet = new DecidedFleet({ maxServers: 1 }, ids('a1', 'a2'))
    fleet.start('a1', 't1')
    fleet.stage('a1', 'cooling')
    fleet.start('a2', 't2')
    fleet.stage('a1', 'asking')
    fleet.now = 5
    fleet.left('a1', 't1')
    expect(fleet.context.queue.entry('start:a1')).toMatchObject({ priority: 5, at: 5 })
    expect(fleet.context.queue.entry('start:a1')).not.toHaveProperty('isResuming')
  })

  it('that a failed server’s agent leaves ends the server, and of another failed agent does not', () => {
    const fleet = new DecidedFleet({}, ids('a1', 'a2'))
    for (const id of ['a1', 'a2']) fleet.activate(id)
    fleet.change('a1', { leaving: 'removed' })
    fleet.stage('a1', 'failed')
    fleet.stage('a2', 'failed')
    expect(fleet.told()).toEqual(['a1 server.passivate'])
  })
})

describe('An unused server', () => {
  it('is ended when nothing needs its actor: no call, no waiting turn, no running turn', () => {
    const fleet = new DecidedFleet({ maxRunningTurns: 1 }, ids('a1', 'a2'))
    fleet.start('a1', 't1')
    fleet.turn('a1', 't2')
    fleet.calls('a1', 1)
    fleet.stage('a1', 'idle')
    expect(fleet.told().filter((line) => line.includes('passivate'))).toEqual([])
    fleet.left('a1', 't1')
    fleet.left('a1', 't2')
    expect(fleet.told().filter((line) => line.includes('passivate'))).toEqual([])
    fleet.calls('a1', 0)
    expect(fleet.told()).toEqual(['a1 server.passivate'])
  })

  it('is kept while one turn of its own runs or waits', () => {
    const fleet = new DecidedFleet({}, ids('a1', 'a2'))
    fleet.start('a1', 't1')
    fleet.stage('a1', 'idle')
    fleet.turn('a2', 't2')
    fleet.stage('a2', 'idle')
    expect(fleet.told().filter((line) => line.includes('passivate'))).toEqual([])
    fleet.left('a1', 't1')
    fleet.left('a2', 't2')
    expect(fleet.told()).toEqual(['a1 server.passivate', 'a2 server.passivate'])
  })

  it('is ended when it is released, used or not', () => {
    const fleet = new DecidedFleet({}, ids('a1', 'a2'))
    fleet.activate('a1')
    fleet.release('a1')
    expect(fleet.told()).toEqual(['a1 server.passivate'])
    fleet.startIdle('a2')
    fleet.release('a2')
    fleet.release('nobody')
    expect(fleet.told()).toEqual([])
  })
})

describe('Turns that left', () => {
  it('are a use of the server, with its time, and let the next turns run', () => {
    const fleet = new DecidedFleet({}, [{ id: 'a1', maxRunningTurns: 1 }])
    fleet.start('a1', 't1')
    fleet.turn('a1', 't2')
    fleet.change('a1', { lastUsedAt: undefined })
    fleet.told()
    const { uses } = fleet.context
    const before = Date.now()
    fleet.left('a1', 't1')
    expect(fleet.told()).toEqual(['a1 turn.permitted t2'])
    fleet.left('a1', 't2')
    expect(fleet.agent('a1').lastUse).toBe(uses + 3)
    expect(fleet.agent('a1').lastUsedAt).toBeGreaterThanOrEqual(before)
    expect(fleet.context.uses).toBe(uses + 3)
    expect(fleet.context.queue.idsOf('a1')).toEqual([])
  })

  it('of an unknown agent change nothing', () => {
    const fleet = new DecidedFleet({}, ids('a1'))
    const { context } = fleet
    fleet.left('nobody', 't1')
    fleet.calls('nobody', 1)
    fleet.memory('nobody', 1)
    fleet.gone('nobody')
    expect(fleet.context).toBe(context)
  })

  it('of a server that asks for its start leave an entry of the start', () => {
    const fleet = new DecidedFleet({ maxServers: 1 }, ids('a1', 'a2'))
    fleet.start('a2', 't2')
    fleet.turn('a1', 't1')
    fleet.stage('a1', 'asking')
    fleet.left('a1', 't1')
    expect(fleet.context.queue.idsOf('a1')).toEqual(['start:a1'])
  })

  it('make the server the last one to be evicted', () => {
    const fleet = new DecidedFleet({ maxServers: 2 }, ids('a1', 'a2', 'b1'))
    fleet.start('a1', 't1')
    fleet.startIdle('a2')
    fleet.left('a1', 't1')
    fleet.turn('b1', 't3')
    fleet.stage('b1', 'asking')
    expect(fleet.evictions).toEqual(['a2 place'])
  })
})

describe('Calls', () => {
  it('are uses of a new server, with their time', () => {
    const fleet = new DecidedFleet({}, ids('a1'))
    fleet.activate('a1')
    const before = Date.now()
    fleet.calls('a1', 2)
    expect(fleet.agent('a1')).toMatchObject({ stage: 'idle', calls: 2 })
    expect(fleet.agent('a1').lastUse).toBeGreaterThan(0)
    expect(fleet.agent('a1').lastUsedAt).toBeGreaterThanOrEqual(before)
    expect(fleet.context.uses).toBe(1)
    fleet.calls('a1', 0)
    expect(fleet.agent('a1')).toMatchObject({ stage: 'idle', calls: 0 })
    expect(fleet.context.uses).toBe(2)
    expect(fleet.told()).toEqual(['a1 server.passivate'])
  })
})

describe('Measured memory', () => {
  it('counts for a server with a place only', () => {
    const fleet = new DecidedFleet({}, ids('a1'))
    fleet.startIdle('a1')
    fleet.memory('a1', 321)
    expect(fleet.agent('a1').residentMb).toBe(321)
    fleet.stage('a1', 'idle')
    fleet.memory('a1', 321)
    expect(fleet.agent('a1').residentMb).toBeUndefined()
  })
})

describe('The end of a server’s actor', () => {
  it('makes the agent cold, without turns, and lets others start', () => {
    const fleet = new DecidedFleet({ maxServers: 1 }, ids('a1', 'a2'))
    fleet.start('a1', 't1', 10)
    fleet.memory('a1', 700)
    fleet.calls('a1', 1)
    fleet.turn('a1', 't3', { conversationId: 't1' })
    fleet.turn('a2', 't2')
    fleet.stage('a2', 'asking')
    fleet.change('a1', { deferral: 'waiting for a place' })
    fleet.told()
    expect(fleet.context.active).toBe(2)
    fleet.gone('a1')
    expect(fleet.told()).toEqual(['a2 start.permitted'])
    expect(fleet.context.active).toBe(1)
    expect(fleet.context.queue.idsOf('a1')).toEqual([])
    const { lastUse, lastUsedAt } = fleet.agent('a1')
    expect(fleet.agent('a1')).toStrictEqual({
      ...{ id: 'a1', tenant: 'a1', maxRunningTurns: 8, maxQueuedTurns: 100, memoryMb: 600 },
      ...{ stage: 'cold', calls: 0, permittedAt: 0, healthyAt: 0, lastUse, lastUsedAt },
    })
  })

  it('forgets an agent that was removed, and counts once', () => {
    const fleet = new DecidedFleet({}, ids('a1', 'a2'))
    for (const id of ['a1', 'a2']) fleet.activate(id)
    fleet.change('a1', { leaving: 'removed' })
    fleet.change('a2', { leaving: 'closing' })
    for (const id of ['a1', 'a2', 'a1', 'a2']) fleet.gone(id)
    expect([...fleet.context.agents].map(({ id, stage }) => [id, stage])).toEqual([['a2', 'cold']])
    expect(fleet.context.active).toBe(0)
  })
})

describe('Settings', () => {
  it('of a known agent keep its stage, and hold for its waiting turns', () => {
    const fleet = new DecidedFleet({}, [{ id: 'a1', maxRunningTurns: 1 }])
    fleet.start('a1', 't1')
    fleet.turn('a1', 't2')
    fleet.put({ id: 'a1', maxRunningTurns: 2, memoryMb: 5, maxQueuedTurns: 7 })
    expect(fleet.agent('a1')).toMatchObject({ stage: 'healthy', maxRunningTurns: 2, memoryMb: 5 })
    expect(fleet.context.queue.loadOfAgent('a1')).toEqual({ running: 1, queued: 1, max: 2 })
    fleet.told()
    fleet.calls('a1', 0)
    expect(fleet.told()).toEqual(['a1 turn.permitted t2'])
  })

  it('of another tenant take the waiting turns along', () => {
    const fleet = new DecidedFleet({}, [{ id: 'a1', maxRunningTurns: 1 }])
    fleet.start('a1', 't1')
    fleet.turn('a1', 't2')
    fleet.put({ id: 'a1', tenant: 'acme', maxRunningTurns: 1 })
    expect(fleet.context.queue.tenants()).toEqual(['acme'])
    expect(fleet.context.queue.loadOf('acme')).toMatchObject({ running: 1, queued: 1 })
  })

  it('of a new agent make it cold, outside the queue', () => {
    const fleet = new DecidedFleet({}, [{ id: 'a1' }])
    expect(fleet.agent('a1')).toEqual({
      ...{ id: 'a1', tenant: 'a1', maxRunningTurns: 8, maxQueuedTurns: 100, memoryMb: 600 },
      ...{ stage: 'cold', calls: 0, permittedAt: 0, healthyAt: 0, lastUse: 0 },
    })
    expect(fleet.context.queue.tenants()).toEqual([])
  })
})
