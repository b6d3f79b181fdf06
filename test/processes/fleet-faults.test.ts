import { filter, firstValueFrom } from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { FleetOptions } from '../../src/index.ts'
import { fakeOpenCode, type FakeFaults } from '../../src/testing/index.ts'
import { endsOf, fakeFleet } from '../support/fleet.ts'

const others = ['b1', 'b2', 'b3']

/** Returns a binary with faults of its own, for one agent of a fleet. */
async function faulty(faults: FakeFaults | readonly FakeFaults[]) {
  const fake = await fakeOpenCode(faults)
  onTestFinished(() => fake.stop())
  return fake
}

/** Starts a fleet of three agents and one whose options are given. */
async function fleetWith(bad: object, options: Partial<FleetOptions> = {}) {
  const all = await fakeFleet({ limits: { maxServers: 5, maxStarting: 4 }, ...options })
  await all.fleet.apply([{ id: 'bad', tenant: 'bad', ...bad }, ...others.map((id) => ({ id }))])
  return all
}

/** Asserts that the agents without faults have started once, and that all their turns have ended with `final`. */
async function expectUnharmed({ fleet, fake }: Awaited<ReturnType<typeof fleetWith>>): Promise<void> {
  const turns = others.flatMap((id) => [fleet.turn(id, 'slow:50 echo:hi'), fleet.turn(id, 'Hello')])
  expect(await endsOf(turns)).toEqual(turns.map(() => 'final'))
  expect(fake.starts).toHaveLength(3)
  for (const id of others) expect(fleet.agent(id).status).toMatchObject({ state: 'healthy', restarts: 0 })
}

describe('an agent of a fleet', () => {
  it('that crashes again and again fails alone, and is tried again for a later turn', async () => {
    const { binary } = await faulty([...Array.from({ length: 6 }, () => ({ crashAfterMs: 20 })), {}])
    const all = await fleetWith({ binary, maxRestarts: 3, backoffMaxMs: 200 })
    const bad = Array.from({ length: 3 }, () => all.fleet.turn('bad', 'hang'))
    await expectUnharmed(all)
    const ends = await endsOf(bad)
    expect(ends.filter((code) => code !== 'server_died' && code !== 'server_unavailable')).toEqual([])
    await expect.poll(() => all.fleet.agent('bad').lifecycle.state, { timeout: 30_000 }).toBe('failed')
    expect(all.fleet.agent('bad').status).toMatchObject({ state: 'failed', turns: { running: 0, queued: 0 } })
    expect(all.fleet.status.servers).toEqual({ running: 3, starting: 0, max: 5 })
    // Each further turn is one more attempt.
    await expect
      .poll(async () => (await endsOf([all.fleet.turn('bad', 'Hello')]))[0], { timeout: 30_000 })
      .toBe('final')
  })

  it('that is wedged is replaced, and keeps no other back', async () => {
    const { binary } = await faulty([{ wedgeAfterMs: 300 }, {}])
    const all = await fleetWith({
      binary,
      healthIntervalMs: 100,
      probeTimeoutMs: 300,
      unhealthyThreshold: 2,
      busyGraceMs: 1_000,
      stopGraceMs: 300,
    })
    const bad = all.fleet.turn('bad', 'hang')
    await expectUnharmed(all)
    expect(await endsOf([bad])).toEqual(['server_died'])
    expect(await endsOf([all.fleet.turn('bad', 'Hello')])).toEqual(['final'])
    const reasons = all.watch.of('agent.lifecycle').map(({ lifecycle }) => lifecycle.reason ?? '')
    expect(reasons.some((reason) => /wedged|unresponsive|did not answer/.test(reason))).toBe(true)
  })

  it('that floods waits for itself, up to its bound', async () => {
    const all = await fleetWith(
      { maxQueuedTurns: 100, maxRunningTurns: 2, binary: (await faulty({})).binary },
      { limits: { maxServers: 5, maxStarting: 4, maxRunningTurns: 4 } },
    )
    const flood = Array.from({ length: 300 }, () => all.fleet.turn('bad', 'slow:20 echo:hi'))
    const before = flood.filter(({ id }) => all.watch.ends.has(id)).length
    expect(before).toBeGreaterThanOrEqual(190)
    await expectUnharmedBeside(all, flood)
    const ends = await endsOf(flood)
    expect(new Set(ends)).toEqual(new Set(['final', 'overloaded']))
    expect(await flood.at(-1)?.done).toMatchObject({
      error: expect.stringMatching(/100 .* about \d+ s$/) as unknown,
    })
    expect(all.watch.most.turnsOf.get('bad')).toBe(2)
  })

  async function expectUnharmedBeside(all: Awaited<ReturnType<typeof fleetWith>>, flood: { id: string }[]) {
    await expectUnharmed(all)
    // The light turns did not wait for the end of the flood.
    expect(flood.some(({ id }) => !all.watch.ends.has(id))).toBe(true)
  }
})

describe('new options of an agent', () => {
  it('reach a running server after its turns, without another start than its own', async () => {
    const { fleet, fake, watch } = await fakeFleet()
    await fleet.apply([{ id: 'a1' }, { id: 'a2' }])
    const running = [fleet.turn('a1', 'slow:500 echo:old'), fleet.turn('a2', 'slow:500 echo:old')]
    await expect.poll(() => watch.of('turn.started').length, { timeout: 30_000 }).toBe(2)
    const result = await fleet.apply([{ id: 'a1', env: { COLOUR: 'blue' } }, { id: 'a2' }])
    expect(result).toEqual({ added: [], changed: ['a1'], unchanged: ['a2'], removed: [] })
    const next = fleet.turn('a1', 'echo:new')
    expect(await endsOf([...running, next])).toEqual(['final', 'final', 'final'])
    expect(fake.starts).toHaveLength(3)
    expect(fleet.agent('a1').lifecycle.state).toBe('healthy')
    expect(await fleet.put({ id: 'a1', env: { COLOUR: 'blue' } })).toBe('unchanged')
  })

  it('that let no server start are rolled back, and no turn is lost', async () => {
    const { binary } = await faulty({ exitOnStart: { code: 3, stderr: 'no such option' } })
    const { fleet, watch } = await fakeFleet()
    await fleet.apply([{ id: 'a1' }])
    const running = fleet.turn('a1', 'slow:500 echo:old')
    await expect.poll(() => watch.of('turn.started').length, { timeout: 30_000 }).toBe(1)
    expect(await fleet.apply([{ id: 'a1', binary, maxRestarts: 0 }])).toMatchObject({ changed: ['a1'] })
    const next = fleet.turn('a1', 'Hello')
    expect(await endsOf([running, next])).toEqual(['final', 'final'])
    const reasons = watch.of('agent.lifecycle').map(({ lifecycle }) => lifecycle.reason ?? '')
    expect(reasons).toContain('rolled back')
  })

  it('of a removed agent come too late: its turns end, and its home may be deleted', async () => {
    const { fleet, watch } = await fakeFleet()
    await fleet.apply([{ id: 'a1' }, { id: 'a2' }])
    const turns = [fleet.turn('a1', 'hang'), fleet.turn('a2', 'slow:300 echo:hi')]
    await expect.poll(() => watch.of('turn.started').length, { timeout: 30_000 }).toBe(2)
    await Promise.all([fleet.remove('a1', { deleteHome: true }), fleet.remove('a2', { drainMs: 10_000 })])
    expect(await endsOf([...turns, fleet.turn('a1', 'Hello')])).toEqual(['cancelled', 'final', 'rejected'])
    expect(fleet.status.agents).toEqual([])
    await expect(fleet.remove('a1')).rejects.toMatchObject({ code: 'ERR_OPENCODE_UNKNOWN_AGENT' })
    expect(await fleet.apply([{ id: 'a1' }])).toMatchObject({ added: ['a1'] })
    expect(await endsOf([fleet.turn('a1', 'Hello')])).toEqual(['final'])
  })
})

describe('an agent of a fleet', () => {
  it('starts again at once after a cancelled start, whose preparation still holds the home', async () => {
    const { fleet } = await fakeFleet()
    await fleet.apply([{ id: 'a1' }])
    const ends: string[] = []
    for (let i = 0; i < 5; i++) {
      const first = fleet.turn('a1', 'Hello')
      await firstValueFrom(fleet.agent('a1').lifecycle$.pipe(filter(({ state }) => state === 'configuring')))
      await new Promise((resolve) => setImmediate(resolve))
      first.cancel()
      ends.push(...(await endsOf([first, fleet.turn('a1', 'Hello')])))
      await fleet.agent('a1').stop()
    }
    expect(new Set(ends)).toEqual(new Set(['cancelled', 'final']))
  })
})
