import { describe, expect, it, onTestFinished } from 'vitest'
import {
  BinaryNotFoundError,
  RestartLimitError,
  StartTimeoutError,
  StoppedError,
} from '../../../src/errors.ts'
import { startServer } from '../../support/machine-harness.ts'

const pending = { state: 'pending' }

describe('ensureRunning', () => {
  it('resolves when the server is healthy, at once if the server is healthy already', async () => {
    const server = startServer({}, { spawn: 'silent' })
    const first = server.ensure()
    await server.advance(1000)
    expect(first).toEqual(pending)
    server.world.process.listen()
    await server.advance()
    const second = server.ensure()
    await server.advance()
    expect([first.state, second.state]).toEqual(['healthy', 'healthy'])
    expect(server.world.spawns).toBe(1)
  })

  it('leaves no listener behind after the server is healthy', async () => {
    const server = startServer({}, { spawn: 'silent' })
    for (let i = 0; i < 3; i++) server.ensure()
    expect(server.context().leases).toHaveLength(3)
    await server.advance()
    server.world.process.listen()
    await server.advance()
    expect(server.context().leases).toEqual([])
  })

  it('leaves no listener behind after many calls', async () => {
    const server = startServer()
    await server.beHealthy()
    const { pending: timers } = server.clock
    for (let i = 0; i < 100; i++) server.ensure()
    await server.advance()
    expect(server.context().leases).toEqual([])
    expect(server.clock.pending).toBe(timers)
  })

  it('rejects at its deadline with StartTimeoutError, and ends a start without other callers', async () => {
    const server = startServer({}, { probe: 'hangs' })
    const caller = server.ensure({ deadlineMs: 3000 })
    await server.advance(2999)
    expect(caller).toEqual(pending)
    await server.advance(1)
    expect(caller.error).toBeInstanceOf(StartTimeoutError)
    expect(server.state()).toBe('idle')
    expect(server.world.alive.size).toBe(0)
  })

  it('has startTimeoutMs as its deadline by default', async () => {
    const server = startServer({ startTimeoutMs: 4000 }, { prepare: 'hangs' })
    const caller = server.ensure()
    await server.advance(4000)
    expect(caller.error).toBeInstanceOf(StartTimeoutError)
    expect(server.context().reason).toBe('start cancelled (no callers left)')
  })

  it('has one deadline for all restarts, cooldowns and probes', async () => {
    const server = startServer(
      { maxRestarts: 100, startTimeoutMs: 700, backoffInitialMs: 50 },
      { probe: 'hangs' },
    )
    const caller = server.ensure({ deadlineMs: 5000 })
    await server.advance(4999)
    expect(caller).toEqual(pending)
    expect(server.world.spawns).toBeGreaterThan(3)
    await server.advance(1)
    expect(caller.error).toBeInstanceOf(StartTimeoutError)
    expect((caller.error as Error).cause).toBeInstanceOf(StartTimeoutError)
  })

  it('rejects one caller at its deadline, and continues the start for the others', async () => {
    const server = startServer({}, { spawn: 'silent' })
    const hasty = server.ensure({ deadlineMs: 1000 })
    const patient = server.ensure({ deadlineMs: 9000 })
    await server.advance(1000)
    expect([hasty.state, patient.state]).toEqual(['rejected', 'pending'])
    expect(server.state()).toBe('probing')
    server.world.process.listen()
    await server.advance()
    expect(patient.state).toBe('healthy')
  })

  it('rejects one caller with its signal.reason, and ends the start when the last caller leaves', async () => {
    const server = startServer({}, { spawn: 'silent' })
    const [one, two] = [new AbortController(), new AbortController()]
    const first = server.ensure({ signal: one.signal })
    const last = server.ensure({ signal: two.signal })
    await server.advance(100)
    const reason = new Error('changed my mind')
    one.abort(reason)
    await server.advance()
    expect(first.error).toBe(reason)
    expect(server.state()).toBe('probing')
    two.abort()
    await server.advance()
    expect(last.error).toBe(two.signal.reason)
    expect(server.state()).toBe('idle')
    expect(server.context().reason).toBe('start cancelled (no callers left)')
  })

  it('accepts one signal for many callers without a warning of Node', async () => {
    const server = startServer({}, { spawn: 'silent' })
    const warnings: Error[] = []
    const onWarning = (warning: Error) => void warnings.push(warning)
    process.on('warning', onWarning)
    onTestFinished(() => void process.off('warning', onWarning))
    const { signal } = new AbortController()
    for (let i = 0; i < 30; i++) {
      server.ensure({ signal })
      server.turn({ text: 'hello', signal })
    }
    await server.advance()
    // Node emits a warning in the next tick of the process.
    await new Promise((resolve) => setImmediate(resolve))
    expect(warnings).toEqual([])
  })

  it('starts nothing if its signal has already aborted', async () => {
    const server = startServer()
    const caller = server.ensure({ signal: AbortSignal.abort(new Error('before')) })
    await server.advance()
    expect(caller.error).toEqual(new Error('before'))
    expect(server.world.log).toEqual([])
  })

  it('ends the restarts when the last caller leaves during a cooldown', async () => {
    const server = startServer({ backoffInitialMs: 1000 }, { spawn: 'exits' })
    const caller = server.ensure({ deadlineMs: 500 })
    await server.advance(500)
    expect(caller.state).toBe('rejected')
    expect(server.state()).toBe('idle')
    await server.advance(60_000)
    expect(server.world.spawns).toBe(1)
  })

  it('does not end a start for server.start or a turn when the last caller leaves', async () => {
    const wanted = startServer({}, { spawn: 'silent' })
    wanted.send({ type: 'server.start' })
    wanted.ensure({ deadlineMs: 100 })
    await wanted.advance(200)
    expect(wanted.state()).toBe('probing')

    const server = startServer({}, { spawn: 'silent' })
    const turn = server.turn()
    const caller = server.ensure({ deadlineMs: 100 })
    await server.advance(200)
    expect(caller.state).toBe('rejected')
    expect(server.state()).toBe('probing')
    turn.cancel()
    await server.advance()
    expect(server.state()).toBe('idle')
  })

  it('ends the start of a failed server when the last caller leaves, also after an earlier server.start', async () => {
    const server = startServer({ maxRestarts: 0 }, { spawn: 'exits' })
    server.send({ type: 'server.start' })
    await server.advance()
    expect(server.state()).toBe('failed')
    server.world.script.spawn = 'silent'
    server.ensure({ deadlineMs: 100 })
    await server.advance(200)
    expect(server.state()).toBe('idle')
  })

  it('keeps a server alive that was healthy once, also without callers', async () => {
    const server = startServer()
    server.ensure()
    await server.advance()
    server.world.script.spawn = 'silent'
    server.world.process.exit()
    const caller = server.ensure({ deadlineMs: 100 })
    await server.advance(200)
    expect(caller.state).toBe('rejected')
    expect(server.state()).toBe('probing')
  })

  it.each(['prepare', 'probing', 'cooldown'])(
    'rejects with StoppedError if a stop arrives in %s',
    async (where) => {
      const script =
        where === 'prepare'
          ? { prepare: 'hangs' as const }
          : { spawn: where === 'probing' ? ('silent' as const) : ('exits' as const) }
      const server = startServer({ backoffInitialMs: 1000 }, script)
      const callers = [server.ensure(), server.ensure()]
      await server.advance(100)
      server.send({ type: 'server.stop' })
      await server.advance()
      for (const caller of callers) expect(caller.error).toBeInstanceOf(StoppedError)
      expect(server.state()).toBe('idle')
    },
  )

  it('waits for the next server if it is called during a stop', async () => {
    const server = startServer({}, { endsOn: 'secondTerm' })
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    await server.advance(100)
    const caller = server.ensure()
    await server.advance(400)
    expect(caller.state).toBe('healthy')
  })

  it('rejects with StoppedError if the actor is stopped', async () => {
    const server = startServer({}, { spawn: 'silent' })
    const caller = server.ensure()
    await server.advance(100)
    server.actor.stop()
    const late = server.ensure()
    await server.advance()
    expect(caller.error).toBeInstanceOf(StoppedError)
    expect(late.error).toBeInstanceOf(StoppedError)
  })

  it('rejects with the failure itself if the preparation fails', async () => {
    const error = new BinaryNotFoundError('no opencode')
    const server = startServer({}, { prepare: error })
    const caller = server.ensure()
    await server.advance()
    expect(caller.error).toBe(error)
  })

  it('rejects all callers with RestartLimitError, and tries again with a whole budget on the next call', async () => {
    const server = startServer({ maxRestarts: 2, backoffInitialMs: 10 }, { spawn: 'exits' })
    const callers = [server.ensure(), server.ensure()]
    await server.advance(1000)
    for (const caller of callers) expect(caller.error).toBeInstanceOf(RestartLimitError)
    const again = server.ensure()
    await server.advance(1000)
    expect(again.error).toBeInstanceOf(RestartLimitError)
    expect(server.world.spawns).toBe(6)
    server.world.script.spawn = 'listens'
    const last = server.ensure()
    await server.advance()
    expect(last.state).toBe('healthy')
  })
})
