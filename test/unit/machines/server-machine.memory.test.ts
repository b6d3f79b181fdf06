import { describe, expect, it } from 'vitest'
import { startServer } from '../../support/machine-harness.ts'

const options = { memoryLimitMb: 600, healthIntervalMs: 5_000 }

describe('memoryLimitMb', () => {
  it('replaces a server that holds more, and says how much it was', async () => {
    const server = startServer(options, { residentMb: 400 })
    await server.beHealthy()
    await server.advance(5_000)
    server.world.script.residentMb = 601
    const reasons: unknown[] = []
    server.actor.subscribe(({ context }) => reasons.push(context.reason))
    await server.advance(4_999)
    expect(server.world.spawns).toBe(1)
    await server.advance(1)
    expect(server.state()).toBe('healthy')
    expect(server.world.spawns).toBe(2)
    expect(server.context()).toMatchObject({ restarts: 1, restartTimes: [], error: undefined })
    expect(reasons).toContain('memory limit: 601 MiB held, 600 allowed')
  })

  it('lets running turns finish and has new ones wait; nothing fails', async () => {
    const server = startServer(options, { residentMb: 601 })
    const running = server.turn()
    await server.advance(5_000)
    expect(server.world.spawns).toBe(1)
    const waiting = server.turn()
    await server.advance(60_000)
    expect(server.world.client.prompts).toHaveLength(1)
    server.world.script.residentMb = 300
    await server.answer(running)
    expect(running.replies.at(-1)).toMatchObject({ kind: 'final' })
    expect(server.world.spawns).toBe(2)
    expect(server.world.client.prompts).toHaveLength(2)
    await server.answer(waiting)
    expect(waiting.replies.at(-1)).toMatchObject({ kind: 'final' })
  })

  it('counts as healthy to those who ask for the server while it drains', async () => {
    const server = startServer(options, { residentMb: 601 })
    const running = server.turn()
    await server.advance(5_000)
    const asked = server.ensure()
    await server.advance()
    expect(asked.state).toBe('healthy')
    await server.answer(running)
  })

  it('ends what has not finished by drainMs as server_died, unless it may be asked again', async () => {
    const server = startServer({ ...options, drainMs: 20_000 }, { residentMb: 601 })
    const turn = server.turn()
    const resumed = server.turn({ text: 'hello', resume: true })
    await server.advance(5_000)
    server.world.script.residentMb = 300
    await server.advance(19_999)
    expect(turn.replies).toEqual([])
    await server.advance(1)
    expect(turn.replies).toMatchObject([{ kind: 'error', code: 'server_died', retryable: true }])
    expect(turn.replies[0]).toMatchObject({
      error: expect.stringMatching(/was replaced.*memory limit/) as string,
    })
    await server.answer(resumed)
    expect(resumed.replies.at(-1)).toMatchObject({ kind: 'final' })
  })

  it('waits for turns as long as they may take, unless drainMs says otherwise', () => {
    expect(startServer({ turnDeadlineMs: 77_000 }).options.values.drainMs).toBe(77_000)
    expect(startServer({ turnDeadlineMs: 77_000, drainMs: 0 }).options.values.drainMs).toBe(0)
  })

  it('stops, where a stop comes while it drains', async () => {
    const server = startServer(options, { residentMb: 601 })
    const turn = server.turn()
    await server.advance(5_000)
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(server.state()).toBe('idle')
    expect(turn.replies).toMatchObject([{ kind: 'error', code: 'cancelled' }])
  })

  it('replaces a server that can hold no less ever more rarely', async () => {
    const server = startServer(options, { residentMb: 700 })
    await server.beHealthy()
    const spawnsAfter = async (readings: number) => {
      await server.advance(5_000 * readings)
      return server.world.spawns
    }
    expect(await spawnsAfter(1)).toBe(2)
    expect(await spawnsAfter(2)).toBe(3)
    expect(await spawnsAfter(3)).toBe(3)
    expect(await spawnsAfter(1)).toBe(4)
    expect(await spawnsAfter(8 + 16 + 32 + 64)).toBe(8)
    // From then on at every 64th reading.
    expect(await spawnsAfter(63)).toBe(8)
    expect(await spawnsAfter(1)).toBe(9)
    // One that was under the limit is replaced at once when it is over it.
    server.world.script.residentMb = 300
    await server.advance(5_000)
    const before = server.world.spawns
    server.world.script.residentMb = 700
    expect(await spawnsAfter(1)).toBe(before + 1)
    expect(await spawnsAfter(1)).toBe(before + 2)
  })

  it.each([600, undefined, new Error('no /proc')])(
    'does nothing where it holds no more, or nothing can be read: %s',
    async (residentMb) => {
      const server = startServer(options, { residentMb })
      await server.beHealthy()
      await server.advance(60_000)
      expect(server.world.spawns).toBe(1)
      expect(server.world.times('probe').length).toBeGreaterThan(10)
    },
  )

  it('goes on asking for its health where a reading never ends', async () => {
    const server = startServer(options, { residentMb: 'hangs' })
    await server.beHealthy()
    await server.advance(60_000)
    expect(server.world.times('probe').length).toBeGreaterThan(5)
  })

  it('reads nothing without a limit', async () => {
    const server = startServer({}, { residentMb: 9_999 })
    await server.beHealthy()
    await server.advance(60_000)
    expect(server.context().readings).toBe(0)
    expect(server.world.spawns).toBe(1)
  })
})
