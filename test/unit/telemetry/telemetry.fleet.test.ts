import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createActor } from 'xstate'
import { fleetOf } from '../../../src/api/fleet/fleet.ts'
import { fleetMachine } from '../../../src/api/fleet/fleet-machine.ts'
import { serverMachine } from '../../../src/api/server-machine.ts'
import { compileFleetOptions, type FleetOptions, type Logger } from '../../../src/config/options.ts'
import { virtualTime } from '../../../src/testing/virtual-time.ts'
import { FakeWorld } from '../../support/fake-world.ts'
import { forget, useOpenTelemetry } from '../../support/otel.ts'

const agentId = 'opencode_runtime.agent.id'
const tenant = 'opencode_runtime.tenant'
const reason = 'opencode_runtime.reason'

/** Starts a fleet whose servers are in a fake world, with the agents `a1` of `acme` and `a2` of no tenant. */
async function start(options: Partial<FleetOptions> = {}) {
  const dataDir = mkdtempSync(join(tmpdir(), 'fleet-telemetry-'))
  const clock = virtualTime()
  const world = new FakeWorld()
  const server = serverMachine.provide({ actors: world.actors() })
  const proxy = { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'sk-the-proxy-key' }
  const input = compileFleetOptions({ dataDir, defaults: { proxy, models: ['gpt-4o'] }, ...options })
  const actor = createActor(fleetMachine.provide({ actors: { server } }), { input, clock }).start()
  const fleet = fleetOf(actor)
  onTestFinished(async () => {
    actor.stop()
    await fleet.close()
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 })
  })
  await fleet.apply([{ id: 'a1', tenant: 'acme' }, { id: 'a2' }])
  const run = async (id: string): Promise<void> => {
    const turn = fleet.turn(id, 'hello')
    await clock.advance()
    turn.cancel()
    await clock.advance()
    expect(await turn.done).toMatchObject({ code: 'cancelled' })
  }
  return { fleet, actor, clock, world, run }
}

/** Logger that stores its lines. */
function memory() {
  const lines: [message: string, fields: object][] = []
  const add = (fields: object, message: string) => void lines.push([message, fields])
  const logger: Logger = { debug: add, info: add, warn: add, error: add }
  const named = (text: string) => lines.filter(([message]) => message.includes(text)).map(([, each]) => each)
  const shown = () => inspect(lines, { depth: 9 })
  return { logger, named, shown }
}

describe('The spans of a fleet', () => {
  it('name the agent and its tenant', async () => {
    const otel = useOpenTelemetry()
    const { run } = await start()
    await run('a1')
    await run('a2')
    for (const name of ['invoke_agent', 'opencode_runtime.server.start'])
      expect(otel.spans(name).map(({ attributes }) => [attributes[agentId], attributes[tenant]])).toEqual([
        ['a1', 'acme'],
        ['a2', 'default'],
      ])
  })

  it('name the new tenant of an agent whose server was not restarted', async () => {
    const otel = useOpenTelemetry()
    const { fleet, run, world } = await start()
    await run('a1')
    expect(await fleet.put({ id: 'a1', tenant: 'other' })).toBe('changed')
    await run('a1')
    expect(otel.spans('invoke_agent').map(({ attributes }) => attributes[tenant])).toEqual(['acme', 'other'])
    expect(world.alive.size).toBe(1)
  })
})

describe('The metrics of a fleet', () => {
  const counted = [
    'opencode_runtime.turns',
    'opencode_runtime.server.starts',
    'opencode_runtime.fleet.turn.wait',
  ]

  it('name neither agent nor tenant by default', async () => {
    const otel = useOpenTelemetry()
    const { run } = await start()
    await run('a1')
    await run('a2')
    for (const name of await otel.names())
      for (const { attributes } of await otel.points(name)) {
        expect(attributes).not.toHaveProperty([agentId])
        expect(attributes).not.toHaveProperty([tenant])
      }
    for (const name of counted) expect(await otel.points(name), name).toHaveLength(1)
  })

  it.each([
    [['tenant'] as const, { [tenant]: 'acme' }],
    [['agent', 'tenant'] as const, { [tenant]: 'acme', [agentId]: 'a1' }],
  ])('name what the option asks for: %j', async (metricAttributes, labels) => {
    const otel = useOpenTelemetry()
    const { run } = await start({ telemetry: { metricAttributes } })
    await run('a1')
    await run('a2')
    for (const name of counted) {
      const points = await otel.points(name)
      expect(points, name).toHaveLength(2)
      expect(points[0]?.attributes, name).toMatchObject(labels)
    }
    const active = await otel.points('opencode_runtime.turn.active')
    expect(active.map(({ value }) => value)).toEqual(active.map(() => 0))
  })

  it('count the servers by state, and the evictions by reason', async () => {
    const otel = useOpenTelemetry()
    const { fleet, actor, run, world } = await start({
      limits: { maxServers: 1 },
      telemetry: { metricAttributes: ['tenant'] },
    })
    const servers = async (): Promise<Record<string, number>> => {
      const points = await otel.points('opencode_runtime.fleet.servers')
      const state = 'opencode_runtime.server.state'
      return Object.fromEntries(points.map(({ attributes, value }) => [String(attributes[state]), value]))
    }
    await run('a1')
    expect(await servers()).toEqual({ starting: 0, running: 1 })
    await run('a2')
    expect(world.alive.size).toBe(1)
    expect(await otel.points('opencode_runtime.fleet.evictions')).toEqual([
      { attributes: { [reason]: 'place', [tenant]: 'acme' }, value: 1 },
    ])
    expect(await servers()).toEqual({ starting: 0, running: 1 })
    expect(fleetOf(actor)).toBe(fleet)
    actor.stop()
    expect(await servers()).toEqual({ starting: 0, running: 0 })
  })
})

describe('The log of a fleet', () => {
  it('names the agent and its tenant in each line, and tells of evictions', async () => {
    const { logger, named } = memory()
    const { run } = await start({ logger, limits: { maxServers: 1 } })
    await run('a1')
    const all = named('opencode ')
    expect(all).toEqual(all.map(() => expect.objectContaining({ agentId: 'a1', tenant: 'acme' }) as object))
    expect(named('opencode server healthy')).toHaveLength(1)
    expect(named('opencode turn cancelled')).toHaveLength(1)
    await run('a2')
    expect(named('opencode server evicted')).toEqual([{ agentId: 'a1', tenant: 'acme', reason: 'place' }])
  })

  it('warns if the new options of an agent are not in use, without its key', async () => {
    const { logger, named, shown } = memory()
    const { fleet, clock, world } = await start({ logger })
    const running = fleet.turn('a1', 'hello')
    await clock.advance()
    await fleet.put({ id: 'a1', tenant: 'acme', models: ['gpt-5'] })
    const waiting = fleet.turn('a1', 'hello again')
    world.script.prepare = new Error('the key sk-the-proxy-key is wrong')
    running.cancel()
    await clock.advance(600_000)
    expect(await waiting.done).toMatchObject({ kind: 'error', code: 'server_unavailable' })
    const warnings = named('The new options of the agent are not in use: ')
    expect(warnings).toMatchObject([{ agentId: 'a1', tenant: 'acme' }])
    expect(shown()).not.toContain('sk-the-proxy-key')
  })

  it('does not need the SDK, and survives a logger that throws', async () => {
    forget()
    const fail = (): never => {
      throw new Error('no disk')
    }
    const { run, world } = await start({ logger: { debug: fail, info: fail, warn: fail, error: fail } })
    await run('a1')
    expect(world.alive.size).toBe(1)
  })
})
