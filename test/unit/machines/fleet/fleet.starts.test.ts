import { describe, expect, it } from 'vitest'
import { endOf, held, outcomeOf, startFleet } from '../../../support/fleet-harness.ts'

describe('A start of an agent in a fleet', () => {
  it('waits for a permit, which a healthy server keeps and a stopped server gives back', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2', 'a3'], limits: { maxStarting: 1 } })
    const turns = ['a1', 'a2', 'a3'].map((id) => fleet.turn(id))
    await fleet.advance()
    expect(fleet.stages()).toEqual({ a1: 'starting', a2: 'asking', a3: 'asking' })
    await fleet.advance(2_000)
    expect(fleet.stages()).toEqual({ a1: 'healthy', a2: 'starting', a3: 'asking' })
    await fleet.advance(2_000)
    expect(fleet.stages()).toEqual({ a1: 'healthy', a2: 'healthy', a3: 'starting' })
    await fleet.advance(3_000)
    expect(turns.map(endOf)).toEqual(['final', 'final', 'final'])
    expect(fleet.processes.most).toBe(3)
  })

  it('says what it waits for: a place, another start, or memory', async () => {
    const fleet = startFleet({
      agents: [{ id: 'a1' }, { id: 'a2' }, { id: 'a3', memoryMb: 900 }],
      limits: { maxServers: 2, maxStarting: 1, memoryMb: 1_300 },
      script: held,
    })
    fleet.turn('a1')
    await fleet.advance()
    fleet.turn('a2')
    await fleet.advance()
    expect(fleet.reasons('a2').at(-1)).toBe(
      'waiting for other starts: 1 servers start at a time (limits.maxStarting)',
    )
    await fleet.advance(2_000)
    expect(fleet.stage('a2')).toBe('starting')
    expect(fleet.reasons('a2').at(-1)).toBeUndefined()
    fleet.turn('a3')
    await fleet.advance()
    expect(fleet.reasons('a3').at(-1)).toMatch(/^waiting for a place: all 2 places .*maxServers/)
    void fleet.fleet.remove('a2')
    await fleet.advance()
    expect(fleet.reasons('a3').at(-1)).toMatch(/^waiting for memory: .* 1300 MiB .*memoryMb/)
  })

  it('of a crashed server waits for a permit again, and its permit is given back while it cools down', async () => {
    const fleet = startFleet({
      ids: ['a1', 'a2'],
      limits: { maxServers: 1 },
      defaults: { ...usual, backoffInitialMs: 5_000 },
    })
    fleet.server('a1').behaviour.startMs = Infinity
    const crashing = fleet.turn('a1')
    await fleet.advance()
    const other = fleet.turn('a2')
    await fleet.advance(1_000)
    expect(fleet.stages()).toEqual({ a1: 'starting', a2: 'asking' })
    fleet.server('a1').exit()
    await fleet.advance()
    expect(fleet.stages()).toEqual({ a1: 'cooling', a2: 'starting' })
    fleet.server('a1').behaviour.startMs = 10
    await fleet.advance(30_000)
    expect([crashing, other].map(endOf)).toEqual(['final', 'final'])
    expect(fleet.server('a1').spawns).toBe(2)
    expect(fleet.processes.most).toBe(1)
  })

  it('after a change of options waits for a permit, while the turns wait too', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2'], limits: { maxStarting: 1 }, script: held })
    fleet.turn('a1')
    await fleet.advance(3_000)
    const changed = outcomeOf(fleet.fleet.put({ id: 'a1', proxy: { apiKey: 'another' } }))
    await fleet.advance()
    expect(changed).toMatchObject({ state: 'done', value: 'changed' })
    expect(fleet.stage('a1')).toBe('draining')
    const next = fleet.turn('a1')
    fleet.server('a2').behaviour.startMs = Infinity
    const other = fleet.turn('a2')
    await fleet.advance()
    fleet.server('a1').answer()
    await fleet.advance()
    expect(fleet.stages()).toEqual({ a1: 'asking', a2: 'starting' })
    expect(fleet.server('a1').isAlive).toBe(false)
    fleet.server('a2').listen()
    await fleet.advance(2_000)
    expect(fleet.stages()).toEqual({ a1: 'healthy', a2: 'healthy' })
    fleet.server('a1').answer()
    fleet.server('a2').answer()
    await fleet.advance()
    expect([next, other].map(endOf)).toEqual(['final', 'final'])
  })

  it('that rolls back waits for a permit again', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2'], limits: { maxServers: 1 }, script: held })
    const first = fleet.turn('a1')
    await fleet.advance(3_000)
    const changed = outcomeOf(fleet.fleet.agent('a1').reconfigure({ proxy: { apiKey: 'bad' } }))
    await fleet.advance()
    const next = fleet.turn('a1')
    fleet.server('a1').behaviour.startMs = Infinity
    fleet.server('a1').answer()
    await fleet.advance()
    expect(fleet.stage('a1')).toBe('starting')
    fleet.server('a1').exit()
    await fleet.advance()
    // The return to the former options is a start of its own.
    expect(fleet.states('a1').slice(-4)).toEqual(['reaping', 'configuring', 'spawning', 'probing'])
    fleet.server('a1').listen()
    await fleet.advance()
    expect(changed).toMatchObject({ state: 'rejected', value: { code: 'ERR_OPENCODE_RECONFIGURE' } })
    fleet.server('a1').answer()
    await fleet.advance()
    expect([first, next].map(endOf)).toEqual(['final', 'final'])
  })

  it('happens once for 100 callers of a cold agent', async () => {
    const fleet = startFleet({ ids: ['a1'] })
    const turns = Array.from({ length: 50 }, () => fleet.turn('a1'))
    const calls = Array.from({ length: 50 }, () => outcomeOf(fleet.fleet.agent('a1').ensureRunning()))
    await fleet.advance(10_000)
    expect(new Set(turns.map(endOf))).toEqual(new Set(['final']))
    expect(new Set(calls.map(({ state }) => state))).toEqual(new Set(['done']))
    expect(fleet.server('a1').spawns).toBe(1)
  })

  it('reserves the memory of the agent, which the measured memory replaces', async () => {
    const fleet = startFleet({
      agents: [{ id: 'a1' }, { id: 'a2', memoryMb: 500 }, { id: 'a3', memoryMb: 700 }],
      limits: { memoryMb: 1_200 },
      script: held,
    })
    fleet.server('a1').behaviour.memoryMb = 300
    fleet.turn('a1')
    fleet.turn('a2')
    await fleet.advance()
    // 600 and 500 are reserved.
    const third = fleet.turn('a3')
    await fleet.advance(2_500)
    expect(fleet.fleet.status.memory).toEqual({ usedMb: 1_100, budgetMb: 1_200 })
    expect(fleet.stages()).toEqual({ a1: 'healthy', a2: 'healthy', a3: 'asking' })
    await fleet.advance(15_000)
    expect(fleet.fleet.status.memory.usedMb).toBe(800)
    expect(fleet.stage('a3')).toBe('asking')
    fleet.server('a2').behaviour.memoryMb = 200
    await fleet.advance(15_000)
    expect(fleet.fleet.status.memory.usedMb).toBe(1_200)
    expect(fleet.stage('a3')).toBe('healthy')
    expect(endOf(third)).toBe('open')
  })

  it('of an agent that reserves more than the budget happens when no other server runs', async () => {
    const fleet = startFleet({ agents: [{ id: 'a1', memoryMb: 900 }], limits: { memoryMb: 500 } })
    const turn = fleet.turn('a1')
    await fleet.advance(5_000)
    expect(endOf(turn)).toBe('final')
  })
})

const usual = { proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'simulated' }, models: ['simulated'] }
