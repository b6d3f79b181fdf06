import { describe, expect, it } from 'vitest'
import { DecidedFleet } from '../../../support/decided-fleet.ts'

const place = (servers: number) =>
  `waiting for a place: all ${servers} places of the fleet are in use (limits.maxServers)`
const slot = (starting: number) =>
  `waiting for other starts: ${starting} servers start at a time (limits.maxStarting)`
const memory = (mb: number) =>
  `waiting for memory: the servers of the fleet use the budget of ${mb} MiB (limits.memoryMb)`
const evictedForPlace = 'server.evict evicted: another agent needs the place'
const evictedForMemory = 'server.evict evicted: memory is short'

const ids = (...names: string[]) => names.map((id) => ({ id }))

describe('A start', () => {
  it('is permitted when the server asks, and the turn when the server is healthy', () => {
    const fleet = new DecidedFleet({}, ids('a1'))
    fleet.turn('a1', 't1')
    expect(fleet.told()).toEqual(['a1 turn.accepted t1 t1 false'])
    fleet.now = 7
    fleet.stage('a1', 'asking')
    expect(fleet.told()).toEqual(['a1 start.permitted'])
    expect(fleet.agent('a1')).toMatchObject({ stage: 'starting', permittedAt: 7 })
    fleet.stage('a1', 'healthy')
    expect(fleet.told()).toEqual(['a1 turn.permitted t1'])
  })

  it('waits for a place, is told so once, and again the next time', () => {
    const fleet = new DecidedFleet({ maxServers: 1 }, ids('a1', 'a2'))
    fleet.start('a1', 't1')
    fleet.turn('a2', 't2')
    fleet.stage('a2', 'asking')
    expect(fleet.told()).toEqual(['a2 turn.accepted t2 t2 false', `a2 start.deferred ${place(1)}`])
    fleet.calls('a1', 1)
    fleet.calls('a1', 0)
    expect(fleet.told()).toEqual([])
    fleet.left('a1', 't1')
    expect(fleet.told()).toEqual([`a1 ${evictedForPlace}`])
    fleet.stage('a1', 'ending')
    expect(fleet.told()).toEqual([])
    fleet.stage('a1', 'idle')
    expect(fleet.told()).toEqual(['a2 start.permitted', 'a1 server.passivate'])
    expect(fleet.agent('a2').deferral).toBeUndefined()
    fleet.stage('a2', 'healthy')
    fleet.gone('a1')
    fleet.left('a2', 't2')
    fleet.turn('a1', 't3')
    fleet.stage('a1', 'asking')
    fleet.stage('a2', 'ending')
    fleet.stage('a2', 'idle')
    fleet.stage('a1', 'healthy')
    fleet.told()
    fleet.turn('a2', 't4')
    fleet.stage('a2', 'asking')
    expect(fleet.told()).toEqual(['a2 turn.accepted t4 t4 false', `a2 start.deferred ${place(1)}`])
  })

  it('waits for other starts, and no server is evicted for that', () => {
    const fleet = new DecidedFleet({ maxStarting: 1, maxServers: 4 }, ids('a1', 'a2', 'a3'))
    fleet.startIdle('a3')
    fleet.turn('a1', 't1')
    fleet.stage('a1', 'asking')
    fleet.turn('a2', 't2')
    fleet.told()
    fleet.stage('a2', 'asking')
    expect(fleet.told()).toEqual([`a2 start.deferred ${slot(1)}`])
    expect(fleet.stages('a1', 'a2', 'a3')).toEqual(['starting', 'asking', 'healthy'])
    fleet.stage('a1', 'healthy')
    expect(fleet.told()).toEqual(['a1 turn.permitted t1', 'a2 start.permitted'])
  })

  it('is permitted together with another if both fit', () => {
    const fleet = new DecidedFleet({ memoryMb: 1_800 }, ids('a1', 'b1', 'b2'))
    fleet.start('a1', 't1')
    fleet.memory('a1', 1_700)
    for (const id of ['b1', 'b2']) {
      fleet.turn(id, id)
      fleet.stage(id, 'asking')
    }
    fleet.told()
    fleet.memory('a1', 600)
    expect(fleet.told()).toEqual(['b1 start.permitted', 'b2 start.permitted'])
  })

  it('fits into a budget of memory exactly, and waits for memory above', () => {
    const fleet = new DecidedFleet({ memoryMb: 1_200 }, [...ids('a1', 'a2'), { id: 'a3', memoryMb: 1 }])
    fleet.start('a1', 't1')
    fleet.start('a2', 't2')
    expect(fleet.stages('a1', 'a2')).toEqual(['healthy', 'healthy'])
    fleet.turn('a3', 't3')
    fleet.told()
    fleet.stage('a3', 'asking')
    expect(fleet.told()).toEqual([`a3 start.deferred ${memory(1_200)}`])
    fleet.memory('a1', 599)
    expect(fleet.told()).toEqual(['a3 start.permitted'])
  })

  it('of a server that reserves more than the budget happens only alone', () => {
    const fleet = new DecidedFleet({ memoryMb: 500 }, ids('a1', 'a2'))
    for (const id of ['a1', 'a2']) {
      fleet.turn(id, id)
      fleet.stage(id, 'asking')
    }
    expect(fleet.stages('a1', 'a2')).toEqual(['starting', 'asking'])
  })

  it('that no turn requests uses its entry up', () => {
    const fleet = new DecidedFleet({ maxServers: 1 }, ids('a1', 'a2'))
    fleet.start('a2', 't2')
    fleet.activate('a1')
    fleet.stage('a1', 'asking')
    expect(fleet.context.queue.idsOf('a1')).toEqual(['start:a1'])
    fleet.left('a2', 't2')
    fleet.stage('a2', 'idle')
    expect(fleet.told()).toEqual([
      `a1 start.deferred ${place(1)}`,
      `a2 ${evictedForPlace}`,
      'a1 start.permitted',
      'a2 server.passivate',
    ])
    expect(fleet.context.queue.idsOf('a1')).toEqual([])
  })

  it('of the next agent is not permitted in the same decision after one that must wait', () => {
    const fleet = new DecidedFleet({ memoryMb: 1_000 }, [
      { id: 'big', memoryMb: 900 },
      { id: 'small', memoryMb: 10 },
      { id: 'other', memoryMb: 200 },
    ])
    fleet.start('other', 't1')
    for (const id of ['big', 'small']) fleet.turn(id, `${id}-1`)
    fleet.stage('big', 'asking')
    fleet.stage('small', 'asking')
    expect(fleet.stages('big', 'small')).toEqual(['asking', 'asking'])
    expect(fleet.told().filter((line) => line.includes('deferred'))).toEqual([
      `big start.deferred ${memory(1_000)}`,
    ])
  })
})

describe('An admission', () => {
  it('notes the order and the time of the use', () => {
    const fleet = new DecidedFleet({}, ids('a1', 'a2'))
    fleet.startIdle('a1')
    fleet.startIdle('a2')
    const { uses } = fleet.context
    fleet.change('a1', { lastUsedAt: undefined })
    const before = Date.now()
    fleet.turn('a1', 't1')
    fleet.turn('a2', 't2')
    fleet.turn('a1', 't3')
    expect(fleet.told()).toEqual([
      'a1 turn.accepted t1 t1 false true',
      'a2 turn.accepted t2 t2 false true',
      'a1 turn.accepted t3 t3 false true',
    ])
    expect([fleet.agent('a2').lastUse, fleet.agent('a1').lastUse]).toEqual([uses + 2, uses + 3])
    expect(fleet.context.uses).toBe(uses + 3)
    expect(fleet.agent('a1').lastUsedAt).toBeGreaterThanOrEqual(before)
  })
})

describe('Room for a start', () => {
  it('is made by the least recently used idle server, once for each agent that waits', () => {
    const fleet = new DecidedFleet({ maxServers: 3 }, ids('a1', 'a2', 'a3', 'b1', 'b2', 'b3'))
    for (const id of ['a1', 'a2', 'a3']) fleet.startIdle(id)
    fleet.calls('a1', 1)
    fleet.calls('a1', 0)
    for (const id of ['b1', 'b2']) {
      fleet.turn(id, `${id}-1`)
      fleet.stage(id, 'asking')
    }
    expect(fleet.told().filter((line) => line.includes('evict'))).toEqual([
      `a2 ${evictedForPlace}`,
      `a3 ${evictedForPlace}`,
    ])
    expect(fleet.evictions).toEqual(['a2 place', 'a3 place'])
    fleet.calls('a1', 1)
    expect(fleet.stages('a1', 'a2', 'a3')).toEqual(['healthy', 'evicting', 'evicting'])
    fleet.stage('a2', 'ending')
    fleet.calls('a1', 0)
    expect(fleet.stages('a1', 'a2', 'a3')).toEqual(['healthy', 'evicting', 'evicting'])
    fleet.stage('a2', 'idle')
    expect(fleet.stages('b1', 'b2')).toEqual(['starting', 'asking'])
  })

  it('is not made for a second agent while a server that ends anyway gives its place', () => {
    const fleet = new DecidedFleet({ maxServers: 2 }, ids('a1', 'a2', 'b1', 'b2'))
    fleet.startIdle('a1')
    fleet.startIdle('a2')
    fleet.stage('a1', 'ending', 'idle')
    expect(fleet.evictions).toEqual(['a1 idle'])
    fleet.turn('b1', 't1')
    fleet.stage('b1', 'asking')
    expect(fleet.stages('a1', 'a2', 'b1')).toEqual(['ending', 'healthy', 'asking'])
    fleet.turn('b2', 't2')
    fleet.stage('b2', 'asking')
    expect(fleet.stages('a1', 'a2', 'b2')).toEqual(['ending', 'evicting', 'asking'])
    expect(fleet.evictions).toEqual(['a1 idle', 'a2 place'])
  })

  it('in memory is made by one idle server, and by no other while that one ends', () => {
    const fleet = new DecidedFleet({ memoryMb: 1_800 }, ids('a1', 'a2', 'a3', 'b1'))
    for (const id of ['a1', 'a2', 'a3']) fleet.startIdle(id)
    fleet.turn('b1', 't1')
    fleet.told()
    fleet.stage('b1', 'asking')
    expect(fleet.told()).toEqual([`b1 start.deferred ${memory(1_800)}`, `a1 ${evictedForMemory}`])
    expect(fleet.evictions).toEqual(['a1 memory'])
    // The memory that is left without the ending server fits exactly.
    fleet.calls('a2', 1)
    fleet.calls('a2', 0)
    expect(fleet.evictions).toEqual(['a1 memory'])
    fleet.memory('a2', 601)
    expect(fleet.evictions).toEqual(['a1 memory', 'a3 memory'])
  })

  it('is not made by a server with a running turn or a call', () => {
    const fleet = new DecidedFleet({ maxServers: 2 }, ids('a1', 'a2', 'b1'))
    fleet.start('a1', 't1')
    fleet.startIdle('a2')
    fleet.calls('a2', 1)
    fleet.turn('b1', 't2')
    fleet.stage('b1', 'asking')
    expect(fleet.evictions).toEqual([])
    fleet.calls('a2', 0)
    expect(fleet.evictions).toEqual(['a2 place'])
  })

  it('is made by holding back the busy server with the fewest turns, until the agent that waits has gone', () => {
    const fleet = new DecidedFleet({ maxServers: 2 }, ids('a1', 'a2', 'b1'))
    fleet.start('a1', 't1')
    fleet.turn('a1', 't2')
    fleet.start('a2', 't3')
    fleet.turn('b1', 'b')
    fleet.now = 100
    fleet.stage('b1', 'asking')
    fleet.told()
    fleet.turn('a2', 't4')
    fleet.turn('a1', 't5')
    expect(fleet.told()).toEqual(['a2 turn.accepted t4 t4 false', 'a1 turn.accepted t5 t5 false true'])
    fleet.left('b1', 'b')
    fleet.stage('b1', 'idle')
    expect(fleet.told()).toEqual(['a2 turn.permitted t4', 'b1 server.passivate'])
  })

  it('of equally busy servers is made by the one that was used first', () => {
    const fleet = new DecidedFleet({ maxServers: 2 }, ids('a1', 'a2', 'b1'))
    fleet.startIdle('a2')
    fleet.startIdle('a1')
    fleet.turn('a1', 't1')
    fleet.turn('a2', 't2')
    fleet.turn('b1', 'b')
    fleet.now = 100
    fleet.stage('b1', 'asking')
    fleet.told()
    fleet.turn('a2', 't3')
    fleet.turn('a1', 't4')
    expect(fleet.told()).toEqual(['a2 turn.accepted t3 t3 false true', 'a1 turn.accepted t4 t4 false'])
  })

  it('for two agents is made by two busy servers', () => {
    const fleet = new DecidedFleet({ maxServers: 2 }, ids('a1', 'a2', 'b1', 'b2'))
    fleet.start('a1', 't1')
    fleet.start('a2', 't2')
    fleet.now = 100
    for (const id of ['b1', 'b2']) {
      fleet.turn(id, id)
      fleet.stage(id, 'asking')
    }
    fleet.told()
    fleet.turn('a1', 't3')
    fleet.turn('a2', 't4')
    expect(fleet.told().filter((line) => line.includes('permitted'))).toEqual([])
  })

  it('is made by no more busy servers than needed after another start', () => {
    const fleet = new DecidedFleet({ maxServers: 3 }, ids('a1', 'a2', 'a3', 'b1', 'b2'))
    for (const id of ['a1', 'a2', 'a3']) fleet.start(id, `${id}-1`)
    fleet.now = 100
    for (const id of ['b1', 'b2']) {
      fleet.turn(id, id)
      fleet.stage(id, 'asking')
    }
    fleet.turn('a1', 't1')
    fleet.turn('a2', 't2')
    expect(fleet.context.queue.load).toMatchObject({ running: 3, queued: 4 })
    fleet.told()
    fleet.stage('a3', 'cooling')
    expect(fleet.told()).toEqual(['b1 start.permitted', 'a2 turn.permitted t2'])
  })

  it('is not made by an idle server whose waiting turn comes first', () => {
    const acme = ['a1', 'b1'].map((id) => ({ id, tenant: 'acme' }))
    const fleet = new DecidedFleet({ maxServers: 2, maxRunningTurns: 1 }, [{ id: 'c1' }, ...acme])
    fleet.startIdle('a1')
    fleet.start('c1', 't1')
    fleet.now = 100
    fleet.turn('a1', 't2', { priority: 9 })
    fleet.activate('b1')
    fleet.stage('b1', 'asking')
    expect(fleet.evictions).toEqual([])
    expect(fleet.stages('a1', 'b1', 'c1')).toEqual(['healthy', 'asking', 'healthy'])
  })

  it('is made for turns whose server died by an idle server whose turn comes first but has no place to run', () => {
    const fleet = new DecidedFleet({ maxServers: 1, maxRunningTurns: 1 }, ids('a1', 'a2', 'a3'))
    fleet.start('a1', 't1')
    fleet.now = 1_000
    fleet.stage('a1', 'cooling')
    fleet.turn('a2', 'op', { isOperation: true })
    fleet.turn('a2', 't2')
    fleet.stage('a2', 'asking')
    fleet.stage('a2', 'healthy')
    fleet.left('a2', 'op')
    fleet.turn('a3', 'op', { isOperation: true })
    fleet.stage('a3', 'asking')
    fleet.now = 2_000
    fleet.told()
    fleet.stage('a1', 'asking')
    expect(fleet.told()).toEqual([`a1 start.deferred ${place(1)}`, `a2 ${evictedForPlace}`])
    fleet.stage('a2', 'ending')
    fleet.stage('a2', 'asking')
    expect(fleet.told()).toEqual(['a1 start.permitted'])
  })

  it('is not made by a server whose start took longer than it has run', () => {
    const fleet = new DecidedFleet({ maxServers: 1 }, [{ id: 'a1', maxRunningTurns: 1 }, { id: 'b1' }])
    fleet.now = 1_000
    fleet.start('a1', 't1', 50)
    fleet.turn('a1', 't2')
    fleet.turn('b1', 'b')
    fleet.stage('b1', 'asking')
    fleet.now += 50
    fleet.left('a1', 't1')
    // The server has run for as long as its start took, not longer.
    expect(fleet.context.queue.isRunning('t2')).toBe(true)
    fleet.turn('a1', 't3')
    fleet.now += 1
    fleet.left('a1', 't2')
    expect(fleet.evictions).toEqual(['a1 place'])
    expect(fleet.context.queue.isRunning('t3')).toBe(false)
  })
})

describe('Memory above the budget', () => {
  it('is relieved by idle servers, the least recently used first, as few as needed', () => {
    const fleet = new DecidedFleet({ memoryMb: 1_800 }, ids('a1', 'a2', 'a3'))
    for (const id of ['a1', 'a2', 'a3']) fleet.startIdle(id)
    // The queue keeps no agent without turns.
    expect(fleet.context.queue.loadOfAgent('a1')).toEqual({ running: 0, queued: 0, max: 0 })
    fleet.memory('a3', 600)
    expect(fleet.told()).toEqual([])
    fleet.memory('a3', 601)
    expect(fleet.told()).toEqual([`a1 ${evictedForMemory}`])
    fleet.memory('a3', 602)
    expect(fleet.told()).toEqual([])
    fleet.memory('a3', 1_201)
    expect(fleet.told()).toEqual([`a2 ${evictedForMemory}`])
    expect(fleet.evictions).toEqual(['a1 memory', 'a2 memory'])
  })

  it('is not relieved by a server for which turns wait', () => {
    const fleet = new DecidedFleet({ memoryMb: 1_200, maxRunningTurns: 1 }, ids('a1', 'a2'))
    fleet.startIdle('a1')
    fleet.start('a2', 't2')
    fleet.turn('a1', 't1')
    expect(fleet.context.queue.waitingOf('a1')).toBe(1)
    fleet.memory('a2', 2_000)
    expect(fleet.evictions).toEqual([])
  })
})
