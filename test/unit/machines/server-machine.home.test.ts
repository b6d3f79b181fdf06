import { describe, expect, it } from 'vitest'
import { HomeLockedError } from '../../../src/errors.ts'
import { startServer } from '../../support/machine-harness.ts'

/** That it is held in every state but `idle` and `failed`, and in no other, the harness checks at every change. */
describe('the home of a server', () => {
  it('is held from before anything is prepared until the server has stopped', async () => {
    const server = startServer()
    await server.beHealthy()
    expect(server.world.did('prepare')).toEqual(['prepare'])
    server.send({ type: 'server.stop' })
    await server.advance(1000)
    expect([server.state(), server.world.isHomeHeld]).toEqual(['idle', false])
  })

  it('is held through a restart, its wait included', async () => {
    const server = startServer({ maxRestarts: 2 }, { spawn: 'exits' })
    server.send({ type: 'server.start' })
    await server.advance(100)
    expect([server.state(), server.world.isHomeHeld]).toEqual(['reaping', true])
    await server.advance(10_000)
    expect([server.state(), server.world.isHomeHeld]).toEqual(['failed', false])
    expect(server.world.spawns).toBe(3)
  })

  it('is held again by a start that comes in the middle of a stop', async () => {
    const server = startServer({}, { endsOn: 'secondTerm' })
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    server.send({ type: 'server.start' })
    await server.advance(2000)
    expect([server.state(), server.world.isHomeHeld, server.world.spawns]).toEqual(['healthy', true, 2])
    expect(server.world.did('prepare')).toHaveLength(2)
  })

  it('is let go of where a start is stopped in the middle of its preparation', async () => {
    const server = startServer({}, { prepare: 'hangs' })
    server.send({ type: 'server.start' })
    await server.advance()
    expect(server.world.isHomeHeld).toBe(true)
    server.send({ type: 'server.stop' })
    expect([server.state(), server.world.isHomeHeld]).toEqual(['idle', false])
  })

  it('is let go of where the machine is stopped from outside', async () => {
    const server = startServer()
    await server.beHealthy()
    server.actor.stop()
    expect(server.world.isHomeHeld).toBe(false)
  })

  it('of another host fails the start at once, and its turns; a later start tries again', async () => {
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

  it('in which an earlier host had left a server tells of that until the new one is healthy', async () => {
    const server = startServer({}, { orphan: 4711, spawn: 'silent' })
    server.send({ type: 'server.start' })
    await server.advance()
    expect(server.state()).toBe('probing')
    expect(server.context().reason).toBe('reaped an orphan (pid 4711) of an earlier host')
    server.world.process.listen()
    await server.advance()
    expect([server.state(), server.context().reason]).toEqual(['healthy', undefined])
  })
})
