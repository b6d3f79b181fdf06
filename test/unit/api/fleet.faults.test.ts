import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Fleet } from '../../../src/api/fleet/fleet.ts'
import type { FleetEvent } from '../../../src/api/fleet/types.ts'
import { tempHome } from '../../support/home.ts'

const defaults = { proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'unused' }, models: ['unused'] }

/** Opens a fleet whose records an earlier fleet, or a fault, has left. */
async function openOn(records: Readonly<Record<string, string | { folder: true }>>) {
  const dataDir = tempHome()
  const folder = join(dataDir, '.fleet', 'agents')
  mkdirSync(folder, { recursive: true })
  for (const [name, content] of Object.entries(records))
    if (typeof content === 'string') writeFileSync(join(folder, name), content)
    else mkdirSync(join(folder, name, 'inner'), { recursive: true })
  const fleet = new Fleet({ dataDir, defaults })
  const events: FleetEvent[] = []
  fleet.events$.subscribe((event) => events.push(event))
  onTestFinished(() => fleet.close())
  await fleet.ready
  return { fleet, dataDir, events, names: () => readdirSync(folder).sort() }
}

const good = JSON.stringify({ format: 1, spec: { id: 'good' } })

describe('An agent whose record cannot be used', () => {
  it('is failed, and its handle says why', async () => {
    const { fleet } = await openOn({ 'good.json': good, 'bad.json': '{"format": 1, "sp' })
    const bad = fleet.agent('bad')
    expect(bad.status).toMatchObject({ id: 'bad', state: 'failed', error: { code: 'ERR_OPENCODE_RUNTIME' } })
    expect(bad.status).toBe(fleet.status.agents[1])
    expect(bad.lifecycle).toMatchObject({ state: 'failed', error: { code: 'ERR_OPENCODE_RUNTIME' } })
    expect(await bad.turn('Hello').done).toMatchObject({ code: 'server_unavailable' })
    for (const call of [bad.ensureRunning(), bad.sessions(), bad.reconfigure({ tenant: 'acme' })])
      await expect(call).rejects.toThrow(/record of the agent "bad" is damaged.*put\(\)/)
  })

  it('is removed by remove and by prune, and replaced by put', async () => {
    const { fleet, events, names } = await openOn({
      'good.json': good,
      'a.json': 'torn',
      'b.json': 'torn',
      'c.json': { folder: true },
      'd.json': { folder: true },
    })
    const ids = () => fleet.status.agents.map(({ id, state }) => `${id} ${state}`)
    expect(ids()).toEqual(['good idle', 'a failed', 'b failed', 'c failed', 'd failed'])
    await fleet.remove('a')
    await fleet.remove('c')
    expect(ids()).toEqual(['good idle', 'b failed', 'd failed'])
    expect(await fleet.put({ id: 'd' })).toBe('added')
    const { removed } = await fleet.apply([{ id: 'good' }, { id: 'd' }], { prune: true })
    expect(removed).toEqual(['b'])
    expect(ids()).toEqual(['good idle', 'd idle'])
    expect(names()).toEqual(['d.json', 'good.json'])
    expect(events.map(({ type, agentId }) => `${type} ${agentId}`)).toEqual([
      'agent.removed a',
      'agent.removed c',
      'agent.added d',
      'agent.removed b',
    ])
  })

  it('has a name that an agent can have: no other file leads to a folder outside the homes', async () => {
    const { fleet, dataDir, names } = await openOn({
      '.json': '',
      '..json': '',
      '...json': '',
      'A b.json': '',
    })
    for (const id of ['', '.', '..', 'A b'])
      await expect(fleet.remove(id, { deleteHome: true })).rejects.toMatchObject({
        code: 'ERR_OPENCODE_UNKNOWN_AGENT',
      })
    expect(fleet.status.agents).toEqual([])
    expect([existsSync(dataDir), names()]).toEqual([true, ['...json', '..json', '.json', 'A b.json']])
  })
})
