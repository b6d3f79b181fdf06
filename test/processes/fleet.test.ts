import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Fleet, type FleetEvent, type FleetOptions } from '../../src/index.ts'
import { fakeOpenCode, type FakeOpenCodeOptions } from '../../src/testing/index.ts'

const apiKey = 'sk-fake-test-0123456789'

async function fakeFleet(options: Partial<FleetOptions> & FakeOpenCodeOptions = {}) {
  const { script, defaults, ...rest } = options
  const dataDir = mkdtempSync(join(tmpdir(), 'opencode-runtime-fleet-'))
  const fake = await fakeOpenCode({}, { ...(script && { script }) })
  const make = (more: Partial<FleetOptions> = {}): Fleet =>
    new Fleet({
      dataDir,
      defaults: {
        proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey },
        models: ['gpt-4o'],
        binary: fake.binary,
        ...defaults,
      },
      ...rest,
      ...more,
    })
  const fleet = make()
  onTestFinished(async () => {
    await fleet.close()
    await fake.stop()
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 })
  })
  return { fleet, make, fake, dataDir }
}

describe('A fleet', () => {
  it('runs a turn of an agent', async () => {
    const { fleet } = await fakeFleet()
    const events: FleetEvent[] = []
    fleet.events$.subscribe((event) => events.push(event))
    expect(await fleet.apply([{ id: 'a1' }, { id: 'a2' }])).toEqual({
      added: ['a1', 'a2'],
      changed: [],
      unchanged: [],
      removed: [],
    })
    const turn = fleet.turn('a1', 'Hello')
    expect(await turn.done).toMatchObject({ kind: 'final' })
  })

  it('shares two places between four agents', async () => {
    const { fleet } = await fakeFleet({ limits: { maxServers: 2 } })
    await fleet.apply(['a1', 'a2', 'a3', 'a4'].map((id) => ({ id })))
    let most = 0
    fleet.status$.subscribe(({ servers }) => (most = Math.max(most, servers.running + servers.starting)))
    const turns = [1, 2, 3].flatMap(() => ['a1', 'a2', 'a3', 'a4'].map((id) => fleet.turn(id, 'Hello')))
    const ends = await Promise.all(turns.map(({ done }) => done))
    expect(ends.map(({ kind }) => kind)).toEqual(turns.map(() => 'final'))
    expect(most).toBe(2)
  })
})
