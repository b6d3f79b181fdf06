import { describe, expect, it } from 'vitest'
import type { FleetEvent, Lifecycle } from '../../../../../web/src/api/types.ts'
import { presentOf, timeLineOf, transitionsOf } from '../../../../../web/src/pages/agent/time-line.ts'

const common = { agent_id: 'a1', tenant: 'default' }

/** Returns the event of a change to a state; its number is its time. */
const change = (at: number, state: Lifecycle['state'], fields: Partial<Lifecycle> = {}): FleetEvent => ({
  type: 'agent.lifecycle',
  seq: at,
  at,
  ...common,
  lifecycle: { state, at, restarts: 0, ...fields },
})

const start = [
  change(1_000, 'configuring'),
  change(1_100, 'spawning'),
  change(1_300, 'probing', { pid: 7 }),
  change(4_000, 'healthy', { pid: 7 }),
]
const error = { code: 'ERR_OPENCODE_SERVER_EXITED', message: 'the process ended (SIGKILL)' }
const crash = [
  change(9_000, 'reaping', { reason: 'exited', error }),
  change(9_050, 'configuring', { reason: 'exited', error, restarts: 1 }),
]

describe('timeLineOf', () => {
  it('gives each state its duration, the newest first, and none to the present one', () => {
    const entries = timeLineOf(start)
    expect(
      entries.map(({ state, at, until }) => [state, until === undefined ? undefined : until - at]),
    ).toEqual([
      ['healthy', undefined],
      ['probing', 2_700],
      ['spawning', 200],
      ['configuring', 100],
    ])
  })

  it('tells faults and restarts with their cause', () => {
    const [restart, end] = timeLineOf([...start, ...crash])
    expect(restart).toMatchObject({
      isRestart: true,
      isFault: false,
      error: undefined,
      title: 'Restarts, because its process ended by itself',
    })
    expect(end).toMatchObject({ isFault: true, isRestart: false, error })
  })

  it('tells a fault once: a crashed server that is not needed any more is idle without a second fault', () => {
    const [idle, end] = timeLineOf([
      ...start,
      ...crash.slice(0, 1),
      change(9_060, 'idle', { reason: 'exited' }),
    ])
    expect(idle).toMatchObject({
      isFault: false,
      title: 'No process runs, because its process ended by itself',
    })
    expect(end).toMatchObject({ isFault: true })
  })

  it('tells each crash as a fault, and an error that stays the same once', () => {
    const again = change(9_900, 'reaping', { reason: 'exited', error, restarts: 1 })
    const [second, , first] = timeLineOf([...start, ...crash, again])
    expect(first).toMatchObject({ isFault: true, error })
    expect(second).toMatchObject({ isFault: true, error: undefined })
  })

  it('shows a changed spec, and leaves turns to their own list', () => {
    const changed: FleetEvent = { type: 'agent.changed', seq: 5_000, at: 5_000, ...common }
    const started: FleetEvent = {
      type: 'turn.started',
      seq: 5_001,
      at: 5_001,
      ...common,
      turn_id: 't',
      trace_id: null,
    }
    const entries = timeLineOf([...start, changed, started])
    expect(entries).toHaveLength(5)
    expect(entries[0]).toMatchObject({ state: undefined, until: undefined, title: 'Its spec was changed' })
  })
})

describe('presentOf', () => {
  it('tells since when the state lasts, also if its reason changed meanwhile, and the process', () => {
    const entries = timeLineOf([...start, change(6_000, 'healthy', { pid: 7, reason: 'health unknown: x' })])
    expect(presentOf(entries, 'healthy')).toEqual({ since: 4_000, pid: 7 })
  })

  it('tells nothing if the events are of an earlier state', () => {
    expect(presentOf(timeLineOf(start), 'failed')).toEqual({ since: undefined, pid: undefined })
    expect(presentOf([], 'idle')).toEqual({ since: undefined, pid: undefined })
  })
})

describe('transitionsOf', () => {
  it('returns the last transitions, the newest first', () => {
    const entries = timeLineOf([...start, ...crash])
    expect(transitionsOf(entries).map(({ from, to }) => `${from} ${to}`)).toEqual([
      'reaping configuring',
      'healthy reaping',
      'probing healthy',
    ])
  })

  it('takes a changed reason for no transition', () => {
    const waits = timeLineOf([
      change(1, 'configuring'),
      change(2, 'configuring', { reason: 'waiting for memory' }),
    ])
    expect(transitionsOf(waits)).toEqual([])
  })
})
