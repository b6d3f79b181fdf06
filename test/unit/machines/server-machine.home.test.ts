import { describe, expect, it } from 'vitest'
import { HomeLockedError } from '../../../src/errors.ts'
import { startServer } from '../../support/machine-harness.ts'

/** The harness checks at every change that the home is locked exactly in the states other than `idle` and `failed`. */
describe('The lock of a home', () => {
  it('is held from before the preparation until the server has stopped', async () => {
    const server = startServer()
    await server.beHealthy()
    expect(server.world.did('prepare')).toEqual(['prepare'])
    server.send({ type: 'server.stop' })
    await server.advance(1000)
    expect([server.state(), server.world.isHomeHeld]).toEqual(['idle', false])
  })

  it('is held during a restart and the wait before the restart', async () => {
    const server = startServer({ maxRestarts: 2 }, { spawn: 'exits' })
    server.send({ type: 'server.start' })
    await server.advance(100)
    expect([server.state(), server.world.isHomeHeld]).toEqual(['reaping', true])
    await server.advance(10_000)
    expect([server.state(), server.world.isHomeHeld]).toEqual(['failed', false])
    expect(server.world.spawns).toBe(3)
  })

  it('is held again by a start that arrives during a stop', async () => {
    const server = startServer({}, { endsOn: 'secondTerm' })
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    server.send({ type: 'server.start' })
    await server.advance(2000)
    expect([server.state(), server.world.isHomeHeld, server.world.spawns]).toEqual(['healthy', true, 2])
    expect(server.world.did('prepare')).toHaveLength(2)
  })

  it('is released when a start is stopped during the preparation', async () => {
    const server = startServer({}, { prepare: 'hangs' })
    server.send({ type: 'server.start' })
    await server.advance()
    expect(server.world.isHomeHeld).toBe(true)
    server.send({ type: 'server.stop' })
    expect([server.state(), server.world.isHomeHeld]).toEqual(['idle', false])
  })

  it('is released when the machine is stopped from outside', async () => {
    const server = startServer()
    await server.beHealthy()
    server.actor.stop()
    expect(server.world.isHomeHeld).toBe(false)
  })

  it('fails the start and its turns at once if another host holds the lock; a later start tries again', async () => {
    const error = new HomeLockedError('The home is in use by another host: process 7 on box')
    const server = startServer({}, { prepare: error })
    const turn = server.turn()
    const start = server.ensure()
    await server.advance()
    expect(server.states).toEqual(['idle', 'configuring', 'failed'])
    expect(start).toEqual({ state: 'rejected', error })
    expect(turn.replies).toMatchObject([
      { kind: 'error', code: 'server_unavailable', error: `The server is not available: ${error.message}` },
    ])
    expect(server.world.did('prepare')).toHaveLength(1)
    server.world.script.prepare = 'ok'
    await server.beHealthy()
  })

  it('reports a server that an earlier host left in the home, until the new server is healthy', async () => {
    const server = startServer({}, { orphan: 4711, spawn: 'silent' })
    server.send({ type: 'server.start' })
    await server.advance()
    expect(server.state()).toBe('probing')
    expect(server.context().reason).toBe('reaped orphaned server (pid 4711) of an earlier host')
    server.world.process.listen()
    await server.advance()
    expect([server.state(), server.context().reason]).toEqual(['healthy', undefined])
  })
})
