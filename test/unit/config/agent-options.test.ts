import { describe, expect, it } from 'vitest'
import { agentLimits, changesServer, compileAgent, isSameAgent } from '../../../src/config/agent-options.ts'
import { compileFleetOptions } from '../../../src/config/compiled-fleet.ts'
import { changeOptions, secretOptions } from '../../../src/config/compiled-options.ts'
import type { AgentSpec, ResolvedAgent } from '../../../src/config/fleet-options.ts'
import { hostTool } from '../../../src/config/host-tool.ts'
import { InvalidOptionsError } from '../../../src/errors.ts'

const defaults = {
  proxy: { baseURL: 'http://127.0.0.1:4000/v1', name: 'Proxy' },
  models: ['gpt-4o'],
  env: { A: 'default', B: 'default' },
  config: { permission: { bash: 'ask', edit: 'ask' }, list: [1, 2] },
}
const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const fleet = compileFleetOptions({ dataDir: '/srv/agents', defaults, logger })
const spec = { id: 'a1', tenant: 'acme', proxy: { apiKey: 'sk-first-key' } } satisfies AgentSpec
const tool = hostTool({ description: 'd', input: { type: 'object' }, execute: () => 'x' })

describe('compileAgent', () => {
  it('sets the home, the logger and the agent', () => {
    const { values, revision } = compileAgent(fleet, spec)
    expect(values).toMatchObject({
      home: '/srv/agents/a1',
      directory: '/srv/agents/a1/workspace',
      agent: { id: 'a1', tenant: 'acme' },
    })
    expect(values.logger).toBe(logger)
    expect(values.port).toBeUndefined()
    expect(revision).toBe(0)
    expect(compileAgent(fleet, { ...spec, id: 'b' }).values.agent?.id).toBe('b')
  })

  it('merges proxy, env and host tools by field, config at every depth, and replaces any other option', () => {
    const over = {
      ...spec,
      models: ['other'],
      env: { B: 'spec', C: 'spec' },
      config: { permission: { bash: 'allow' }, list: [3] },
    }
    const resolved = { env: { C: 'resolved' }, hostTools: { tool }, onPermission: () => 'once' as const }
    const compiled = compileAgent(fleet, over, resolved)
    expect(compiled.values).toMatchObject({
      proxy: { name: 'Proxy', providerId: 'litellm' },
      models: [{ id: 'other' }],
      hostTools: { tool },
    })
    expect(compiled.values.onPermission).toBe(resolved.onPermission)
    expect(secretOptions(compiled)).toMatchObject({
      baseURL: 'http://127.0.0.1:4000/v1',
      apiKey: 'sk-first-key',
      env: { A: 'default', B: 'spec', C: 'resolved' },
      config: { permission: { bash: 'allow', edit: 'ask' }, list: [3] },
    })
  })

  it('treats the deprecated providerID as providerId in every layer', () => {
    const alias = JSON.parse('{ "providerID": "old" }') as { providerId?: string }
    const proxy = { ...defaults.proxy, ...alias }
    const old = compileFleetOptions({ dataDir: '/srv', defaults: { ...defaults, proxy } })
    expect(compileAgent(old, spec).values.proxy.providerId).toBe('old')
    const over = { ...spec, proxy: { ...spec.proxy, providerId: 'new' } }
    expect(compileAgent(old, over).values.proxy.providerId).toBe('new')
  })

  it('lets undefined override nothing', () => {
    const resolved = { proxy: { apiKey: undefined }, models: undefined } as unknown as ResolvedAgent
    expect(secretOptions(compileAgent(fleet, spec, resolved)).apiKey).toBe('sk-first-key')
  })

  it('keeps a variable named __proto__ a variable', () => {
    const env = JSON.parse('{"__proto__": "x"}') as Record<string, string>
    const compiled = compileAgent(fleet, { ...spec, env })
    expect(Object.getPrototypeOf(secretOptions(compiled).env)).toBe(Object.prototype)
  })

  it('names the agent and the option that resolve does not give, or gives wrongly', () => {
    expect(() => compileAgent(fleet, { id: 'a1' })).toThrow(/^agent "a1": option `proxy\.apiKey` is required/)
    const compile = (resolved: object) => () => compileAgent(fleet, spec, resolved)
    expect(compile({ proxy: { apikey: 'k' } })).toThrow(
      'agent "a1": unknown resolved option proxy.apikey (did you mean proxy.apiKey?)',
    )
    expect(compile({ home: '/x' })).toThrow(/agent "a1": unknown resolved option home/)
    expect(compile({ proxy: { apiKey: 'with spaces' } })).toThrow(InvalidOptionsError)
  })

  it('gives a changed configuration the next revision, and masks the secrets of the configuration before', () => {
    const before = compileAgent(fleet, spec)
    const after = compileAgent(fleet, spec, { proxy: { apiKey: 'sk-second-key' } }, before)
    expect(after.revision).toBe(1)
    expect(after.secrets.mask('sk-first-key sk-second-key')).toBe('*** ***')
    expect(compileAgent(fleet, spec, {}, after).revision).toBe(2)
  })

  it('marks options as of an agent, also after reconfigure', () => {
    const compiled = compileAgent(fleet, spec)
    const changed = changeOptions(compiled, { models: ['other'] }, 1)
    expect(changed?.values).toMatchObject({ agent: { id: 'a1', tenant: 'acme' }, models: [{ id: 'other' }] })
    expect(changeOptions(compiled, { models: ['gpt-4o'] }, 1)).toBeUndefined()
  })
})

describe('agentLimits', () => {
  it('fills in the defaults of the fleet', () => {
    const expected = { tenant: 'default', maxRunningTurns: 16, maxQueuedTurns: 10_000, memoryMb: 600 }
    expect(agentLimits(fleet, { id: 'a1' })).toEqual(expected)
  })

  it('prefers the spec to the defaults, and both to the options of the server', () => {
    const own = compileFleetOptions({
      dataDir: '/srv',
      defaults: { maxConcurrentTurns: 4, memoryMb: 300, maxQueuedTurns: 7 },
    })
    const limits = { tenant: 'default', maxRunningTurns: 4, maxQueuedTurns: 7, memoryMb: 300 }
    expect(agentLimits(own, { id: 'a' })).toEqual(limits)
    expect(agentLimits(own, { id: 'a', maxConcurrentTurns: 2 }).maxRunningTurns).toBe(2)
    const spec = {
      id: 'a',
      tenant: 't',
      maxConcurrentTurns: 2,
      maxRunningTurns: 3,
      maxQueuedTurns: 0,
      memoryMb: 9,
    }
    expect(agentLimits(own, spec)).toEqual({
      tenant: 't',
      maxRunningTurns: 3,
      maxQueuedTurns: 0,
      memoryMb: 9,
    })
  })
})

describe('isSameAgent and changesServer', () => {
  const compare = (a: AgentSpec, b: AgentSpec) => [isSameAgent(fleet, a, b), changesServer(fleet, a, b)]

  it.each<[string, Partial<AgentSpec>]>([
    ['nothing', {}],
    [
      'another order of keys',
      { proxy: { name: 'Proxy', ...spec.proxy }, env: { B: 'default', A: 'default' } },
    ],
    ['a default of a server', { warmUp: true, maxConcurrentTurns: 16 }],
    [
      'a default of the fleet',
      { models: ['gpt-4o'], proxy: { ...spec.proxy, baseURL: defaults.proxy.baseURL } },
    ],
    ['a model as an object', { models: [{ id: 'gpt-4o' }] }],
    [
      'a default that another option determines',
      { drainMs: 1_800_000, directory: '/srv/agents/a1/workspace' },
    ],
    ['default limits', { maxRunningTurns: 16, maxQueuedTurns: 10_000, memoryMb: 600 }],
    ['no labels', { labels: {} }],
  ])('see no change in %s', (_what, patch) => {
    expect(compare(spec, { ...spec, ...patch })).toEqual([true, false])
  })

  it.each<[string, Partial<AgentSpec>]>([
    ['tenant', { tenant: 'other' }],
    ['labels', { labels: { a: 'b' } }],
    ['maxRunningTurns', { maxRunningTurns: 2 }],
    ['maxQueuedTurns', { maxQueuedTurns: 2 }],
    ['memoryMb', { memoryMb: 2 }],
  ])('see a change of the fleet only in %s', (_what, patch) => {
    expect(compare(spec, { ...spec, ...patch })).toEqual([false, false])
  })

  it.each<[string, Partial<AgentSpec>]>([
    ['the key', { proxy: { apiKey: 'sk-other' } }],
    ['the models', { models: ['other'] }],
    ['the environment', { env: { A: 'other' } }],
    ['the config', { config: { list: [1] } }],
    ['a limit of the server', { turnDeadlineMs: 1 }],
    ['the directory', { directory: '/srv/other' }],
  ])('see a change of the server in %s', (_what, patch) => {
    expect(compare(spec, { ...spec, ...patch })).toEqual([false, true])
  })

  it('compare specs whose missing options only resolve knows', () => {
    const resolving = compileFleetOptions({ dataDir: '/srv', resolve: () => ({}) })
    expect(isSameAgent(resolving, { id: 'a' }, { id: 'a', warmUp: true })).toBe(true)
    expect(isSameAgent(resolving, { id: 'a' }, { id: 'a', proxy: { apiKey: 'k' } })).toBe(false)
    const placeholder = { id: 'a', models: ['resolved-later'] }
    expect(isSameAgent(resolving, { id: 'a' }, placeholder)).toBe(false)
  })
})
