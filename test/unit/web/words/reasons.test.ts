import { describe, expect, it } from 'vitest'
import { explain, isKnownReason } from '../../../../web/src/words/reasons.ts'
import { reasonsInCode } from '../../../support/reasons-in-code.ts'

const healthy = { state: 'healthy', restarts: 0 } as const

describe('explain', () => {
  it('has words for every reason in the code of the machines and of the fleet', () => {
    const reasons = reasonsInCode()
    expect(reasons).toEqual(expect.arrayContaining(['exited', 'idle', 'wedged', 'the record cannot be used']))
    expect(reasons.length).toBeGreaterThan(18)
    expect(reasons.filter((reason) => !isKnownReason(reason))).toEqual([])
  })

  it('tells why a server ends, and whether a fault is the cause', () => {
    expect(explain({ state: 'reaping', reason: 'exited', restarts: 0 }, healthy)).toEqual({
      title: 'Ends the server, because its process ended by itself',
      isFault: true,
    })
    expect(explain({ state: 'idle', reason: 'idle', restarts: 0 }, healthy)).toEqual({
      title: 'No process runs, because no turn used it for the idle time',
      isFault: false,
    })
  })

  it('tells a restart from a first start', () => {
    const reaping = { state: 'reaping', reason: 'wedged', restarts: 0 } as const
    const { title } = explain({ state: 'configuring', reason: 'wedged', restarts: 1 }, reaping)
    expect(title).toBe('Restarts, because its process runs but no longer answers')
    const first = explain({ state: 'configuring', restarts: 0 }, { state: 'idle', restarts: 0 })
    expect(first.title).toBe('Prepares a start, because a turn or a caller needs it')
  })

  it('does not repeat the cause of a restart in its further stages', () => {
    expect(explain({ state: 'spawning', reason: 'exited', restarts: 1 })).toEqual({
      title: 'Starts the process',
      isFault: false,
    })
  })

  it('keeps the numbers of a reason', () => {
    const reason = 'memory limit: 1800 MiB used, 1500 MiB allowed'
    expect(explain({ state: 'reaping', reason, restarts: 0 }).title).toBe(
      'Ends the server, because it uses 1800 MiB of memory, and 1500 MiB are allowed',
    )
  })

  it('tells what a start waits for, without a fault', () => {
    const reason = 'waiting for a place: all 4 places of the fleet are in use (limits.maxServers)'
    expect(explain({ state: 'configuring', reason, restarts: 0 })).toEqual({
      title: 'Waits for a place: all 4 places of the fleet are in use',
      isFault: false,
    })
  })

  it('adds a remark to a state that is as it should be', () => {
    const reason = 'untested version: opencode 9.0.0, tested: 1.1.0 to 1.2.0'
    expect(explain({ state: 'healthy', reason, restarts: 0 }).title).toBe(
      'Ready for turns; opencode 9.0.0 was not tested with this package (tested: 1.1.0 to 1.2.0)',
    )
  })

  it('shows a reason that is not known as it is', () => {
    expect(explain({ state: 'idle', reason: 'on holiday', restarts: 0 }).title).toBe(
      'No process runs, because on holiday',
    )
  })

  it('counts a failed server as a fault, whatever the reason', () => {
    expect(explain({ state: 'failed', restarts: 0 }).isFault).toBe(true)
  })
})
