import { describe, expect, it } from 'vitest'
import {
  BinaryNotFoundError,
  HomeLockedError,
  HostFaultError,
  InvalidOptionsError,
  PortInUseError,
  ReconfigureError,
  RestartLimitError,
} from '../../../src/errors.ts'
import { reconfigure } from '../../../src/api/reconfigure.ts'
import { startServer } from '../../support/machine-harness.ts'

const fault = new HostFaultError('No space (ENOSPC at /srv/agents/a1)', {
  errno: 'ENOSPC',
  path: '/srv/agents/a1',
})
const minute = 60_000
const quick = { maxRestarts: 2, backoffInitialMs: 100, backoffFactor: 2, backoffMaxMs: 10_000 }

describe('A fault of the host during the preparation of a start', () => {
  it('is retried within the restart budget with growing waits, and the turn waits meanwhile', async () => {
    const server = startServer({ ...quick, maxRestarts: 5 }, { prepare: fault })
    const turn = server.turn()
    await server.advance(50)
    expect(server.state()).toBe('reaping')
    expect(server.context()).toMatchObject({ reason: 'preparation failed', error: fault })
    await server.advance(1_000)
    const [first = 0, ...later] = server.world.times('prepare')
    const waits = later.map((at, i) => at - (later[i - 1] ?? first))
    expect(waits.length).toBeGreaterThanOrEqual(2)
    expect(waits[0]).toBeGreaterThanOrEqual(80)
    expect(waits[1]).toBeGreaterThan(waits[0] ?? 0)
    server.world.script.prepare = 'ok'
    await server.advance(5_000)
    await server.answer(turn)
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final' })
  })

  it('after a crash is retried after a wait, because only the first restart is immediate', async () => {
    const server = startServer({ ...quick, maxRestarts: 5 })
    await server.beHealthy()
    server.world.script.prepare = fault
    server.world.process.exit()
    await server.advance(50)
    expect(server.world.did('prepare')).toHaveLength(2)
    server.world.script.prepare = 'ok'
    await server.advance(1_000)
    expect(server.state()).toBe('healthy')
  })

  it('ends in failed with a retryable RestartLimitError when the budget is spent', async () => {
    const server = startServer(quick, { prepare: fault })
    const turn = server.turn()
    const waiter = server.ensure()
    await server.advance(5_000)
    expect(server.state()).toBe('failed')
    expect(waiter.error).toBeInstanceOf(RestartLimitError)
    expect(waiter.error).toMatchObject({ retryable: true, cause: fault })
    expect(turn.replies).toMatchObject([{ code: 'server_unavailable', retryable: true }])
    expect(turn.replies[0]).toMatchObject({ error: expect.stringContaining('ENOSPC') as string })
  })

  it('does not roll back a new configuration, because the configuration is not the reason', async () => {
    const server = startServer({ ...quick, maxRestarts: 5 })
    await server.beHealthy()
    server.world.script.prepare = fault
    const changed = reconfigure(server.actor, { models: ['other'] })
    await server.advance(50)
    server.world.script.prepare = 'ok'
    await server.advance(1_000)
    await changed
    expect(server.options.values.models).toEqual([{ id: 'other' }])
  })

  it('makes the error of reconfigure retryable, and the next start uses the new configuration', async () => {
    const server = startServer(quick)
    await server.beHealthy()
    server.world.script.prepare = fault
    const changed = reconfigure(server.actor, { models: ['other'] }).catch((error: unknown) => error)
    await server.advance(5_000)
    const error = await changed
    expect(error).toBeInstanceOf(ReconfigureError)
    expect(error).toMatchObject({ retryable: true })
    expect((error as Error).message).toContain('which the next start uses')
    server.world.script.prepare = 'ok'
    await server.beHealthy()
    expect(server.options.values.models).toEqual([{ id: 'other' }])
  })

  it.each([
    ['a missing binary', new BinaryNotFoundError('no opencode')],
    ['a bad option', new InvalidOptionsError('no such directory')],
  ])('differs from %s, which fails at once and is not retried by a turn', async (_what, error) => {
    const server = startServer(quick, { prepare: error })
    const turn = server.turn()
    await server.advance()
    expect(server.state()).toBe('failed')
    expect(turn.replies).toMatchObject([{ code: 'server_unavailable', retryable: false }])
    server.world.script.prepare = 'ok'
    await server.advance(10 * minute)
    const later = server.turn()
    await server.advance()
    expect(later.replies).toMatchObject([{ code: 'server_unavailable', retryable: false }])
    expect(server.world.did('prepare')).toHaveLength(1)
  })
})

describe('A server in the state failed', () => {
  it.each([
    ['a fault of the host', fault, 3],
    ['the lock of its home', new HomeLockedError('in use'), 1],
    ['its port', new PortInUseError('in use'), 1],
  ])('because of %s is restarted by the next turn', async (_what, error, tries) => {
    const server = startServer(quick, { prepare: error })
    server.turn()
    await server.advance(5_000)
    expect(server.state()).toBe('failed')
    expect(server.world.did('prepare')).toHaveLength(tries)
    const refused = server.turn()
    await server.advance()
    expect(refused.replies).toMatchObject([{ code: 'server_unavailable', retryable: true }])
    expect(server.world.did('prepare')).toHaveLength(tries + 1)
    server.world.script.prepare = 'ok'
    const turn = server.turn()
    await server.advance()
    await server.answer(turn)
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final' })
    expect(server.context()).toMatchObject({ isLastAttempt: false, wanted: true })
  })

  it('because of its process rejects turns at once until backoffMaxMs has passed, and then tries once for all waiting turns', async () => {
    const server = startServer(quick, { spawn: 'exits' })
    server.send({ type: 'server.start' })
    await server.advance(2_000)
    expect([server.state(), server.world.spawns]).toEqual(['failed', 3])
    const failedAt = server.context().failedAt ?? NaN
    await server.advance(failedAt + 9_999 - server.clock.now())
    const early = server.turn()
    await server.advance()
    expect(early.replies).toMatchObject([{ code: 'server_unavailable', retryable: true }])
    expect(server.world.spawns).toBe(3)

    // The whole budget is available again, but a turn still causes a single try.
    await server.advance(minute)
    server.world.script.spawn = 'silent'
    const turns = [server.turn(), server.turn()]
    await server.advance()
    expect(server.state()).toBe('probing')
    turns.push(server.turn())
    server.world.process.exit()
    await server.advance(minute)
    expect(server.world.spawns).toBe(4)
    for (const turn of turns) expect(turn.replies).toMatchObject([{ code: 'server_unavailable' }])
    expect(server.state()).toBe('failed')

    server.world.script.spawn = 'listens'
    const last = server.turn()
    await server.advance()
    await server.answer(last)
    expect(last.replies.at(-1)).toMatchObject({ kind: 'final' })
  })

  it('gets its whole budget again when a caller starts it during the try of a turn', async () => {
    const server = startServer(quick, { spawn: 'exits' })
    server.send({ type: 'server.start' })
    await server.advance(2 * minute)
    server.world.script.spawn = 'silent'
    server.turn()
    await server.advance()
    server.send({ type: 'server.start' })
    server.world.process.exit()
    await server.advance(1_000)
    expect([server.state(), server.world.spawns]).toEqual(['probing', 5])
  })

  it('cancels the last try when no caller is left', async () => {
    const server = startServer(quick, { spawn: 'exits' })
    server.send({ type: 'server.start' })
    await server.advance(2 * minute)
    server.world.script.spawn = 'silent'
    const turn = server.turn()
    await server.advance()
    turn.cancel()
    await server.advance()
    expect(server.state()).toBe('idle')
    expect(server.context().isLastAttempt).toBe(false)
  })
})

describe('A stopped server', () => {
  it('leaves no timer, also after restarts', async () => {
    const server = startServer({ ...quick, restartWindowMs: 60 * minute, warmUp: false })
    await server.beHealthy()
    server.world.process.exit()
    await server.advance(1_000)
    expect(server.context().restarts).toBe(1)
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(server.state()).toBe('idle')
    expect(server.clock.pending).toBe(0)
  })

  it('leaves no timer, also after a failure', async () => {
    const server = startServer({ ...quick, maxRestarts: 0 }, { spawn: 'exits' })
    server.turn()
    await server.advance()
    expect(server.state()).toBe('failed')
    expect(server.clock.pending).toBe(0)
  })
})
