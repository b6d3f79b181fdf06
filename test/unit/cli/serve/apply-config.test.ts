import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { applyAgents } from '../../../../src/cli/serve/apply-config.ts'
import type { ServeConfig } from '../../../../src/gateway/config/config-file.ts'
import { Fleet, type AgentSpec } from '../../../../src/index.ts'
import { tempHome } from '../../../support/home.ts'

const defaults = { proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-apply-test' }, models: ['m'] }

/** Returns a config of these agents. */
const configOf = (dataDir: string, agents: AgentSpec[], more: Partial<ServeConfig> = {}): ServeConfig => ({
  listen: { host: '127.0.0.1', port: 0 },
  socketMode: '0600',
  fleet: { dataDir, defaults },
  agents,
  gateway: {},
  ...more,
})

/** Returns a fleet without servers, and a function that applies agents by their ids. */
async function stage(dataDir = tempHome()) {
  const fleet = new Fleet({ dataDir, defaults })
  onTestFinished(() => fleet.close())
  await fleet.ready
  const apply = (...ids: string[]) =>
    applyAgents(
      fleet,
      configOf(
        dataDir,
        ids.map((id) => ({ id })),
      ),
      0,
    )
  const known = () => fleet.status.agents.map(({ id }) => id).sort()
  return { fleet, apply, known, dataDir, list: join(dataDir, '.fleet', 'serve.json') }
}

describe('applyAgents', () => {
  test('removes the agents that the file named before, and no other', async () => {
    const { fleet, apply, known } = await stage()
    expect(await apply('a', 'b')).toEqual({ added: ['a', 'b'], changed: [], removed: [] })
    await fleet.put({ id: 'made-elsewhere' })
    expect(await apply('b', 'c')).toEqual({ added: ['c'], changed: [], removed: ['a'] })
    expect(known()).toEqual(['b', 'c', 'made-elsewhere'])
  })

  test('knows in the next process what the file named', async () => {
    const first = await stage()
    await first.apply('a', 'b')
    await first.fleet.close()
    const next = await stage(first.dataDir)
    expect(await next.apply('b')).toMatchObject({ removed: ['a'] })
  })

  test('removes the rest after a crash in the middle', async () => {
    const { apply, known, list } = await stage()
    await apply('a', 'b', 'c')
    // The list of a process that has crashed before the removals: what was named before, and what is named now.
    writeFileSync(list, JSON.stringify({ agents: ['a', 'b', 'c'] }))
    expect(await apply('c')).toMatchObject({ removed: ['a', 'b'] })
    expect(known()).toEqual(['c'])
    expect(JSON.parse(readFileSync(list, 'utf8'))).toEqual({ agents: ['c'] })
  })

  test('accepts that somebody else has removed an agent', async () => {
    const { fleet, apply } = await stage()
    await apply('a', 'b')
    await fleet.remove('a')
    expect(await apply('b')).toEqual({ added: [], changed: [], removed: [] })
  })

  test('changes nothing if the fleet refuses an agent', async () => {
    const { fleet, apply, known, dataDir, list } = await stage()
    await apply('a', 'b')
    const bad = [{ id: 'c' }, { id: 'd', turnDeadlineMs: -1 }]
    await expect(applyAgents(fleet, configOf(dataDir, bad), 0)).rejects.toThrow('turnDeadlineMs')
    expect(known()).toEqual(['a', 'b'])
    expect(JSON.parse(readFileSync(list, 'utf8'))).toEqual({ agents: ['a', 'b'] })
  })

  test('says what to do about a damaged list', async () => {
    const { apply, list } = await stage()
    writeFileSync(list, '{')
    await expect(apply('a')).rejects.toThrow(/serve\.json cannot be read: delete the file/)
  })
})
