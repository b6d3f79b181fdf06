import { inspect } from 'node:util'
import { totalmem } from 'node:os'
import { describe, expect, it } from 'vitest'
import { compileFleetOptions, resolveAgent, tenantOptions } from '../../../src/config/compiled-fleet.ts'
import type { FleetOptions } from '../../../src/config/fleet-options.ts'
import { agentLimits } from '../../../src/config/agent-options.ts'
import { InvalidOptionsError } from '../../../src/errors.ts'

const good = {
  dataDir: '/srv/agents',
  defaults: { proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'sk-canary-key' }, models: ['gpt-4o'] },
} satisfies FleetOptions

function refusal(patch: object): string {
  try {
    compileFleetOptions({ ...good, ...patch })
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionsError)
    return (error as InvalidOptionsError).message
  }
  throw new Error('Expected an InvalidOptionsError')
}

describe('compileFleetOptions', () => {
  it('fills in the default of every omitted limit', () => {
    const { limits, tenants, dataDir } = compileFleetOptions({ dataDir: '/srv/agents' }).values
    expect(dataDir).toBe('/srv/agents')
    expect(tenants).toEqual({})
    const { memoryMb, ...others } = limits
    expect(others).toEqual({ maxServers: 16, maxStarting: 2, maxRunningTurns: 64, maxQueuedTurns: 10_000 })
    expect(memoryMb).toBeGreaterThanOrEqual(1)
    expect(memoryMb).toBeLessThanOrEqual((totalmem() * 0.75) / 1024 / 1024)
  })

  it('keeps given limits', () => {
    const limits = {
      maxServers: 3,
      maxStarting: 1,
      maxRunningTurns: 5,
      maxQueuedTurns: 0,
      memoryMb: 12_000,
    }
    expect(compileFleetOptions({ ...good, limits }).values.limits).toEqual(limits)
  })

  it('names neither agent nor tenant in metrics, unless the options ask for it', () => {
    const namesOf = (options: object) => compileFleetOptions({ ...good, ...options }).values.telemetry
    expect(namesOf({})).toEqual({ metricAttributes: [] })
    expect(namesOf({ telemetry: {} })).toEqual({ metricAttributes: [] })
    const telemetry = { metricAttributes: ['tenant', 'agent'] }
    expect(namesOf({ telemetry })).toEqual(telemetry)
  })

  it('gives a tenant without a limit the limit of the fleet, and a tenant without an entry the weight 1', () => {
    const fleet = compileFleetOptions({
      ...good,
      limits: { maxRunningTurns: 8, maxQueuedTurns: 9 },
      tenants: { acme: { weight: 2, maxRunningTurns: 3 } },
    })
    expect(tenantOptions(fleet, 'acme')).toEqual({ weight: 2, maxRunningTurns: 3, maxQueuedTurns: 9 })
    const other = { weight: 1, maxRunningTurns: 8, maxQueuedTurns: 9 }
    expect(['other', 'constructor'].map((name) => tenantOptions(fleet, name))).toEqual([other, other])
  })

  it.each([
    ['a relative dataDir', { dataDir: 'agents' }, /option dataDir: expected an absolute path, got "agents"/],
    ['an unknown option', { limit: {} }, /Unknown option limit \(did you mean limits\?\)/],
    [
      'an unknown limit',
      { limits: { maxServer: 3 } },
      /limits\.maxServer \(did you mean limits\.maxServers\?/,
    ],
    [
      'no place',
      { limits: { maxServers: 0 } },
      /limits\.maxServers: expected a whole number of servers, 1 or/,
    ],
    ['an unknown option of a tenant', { tenants: { a: { wieght: 2 } } }, /did you mean tenants\.a\.weight\?/],
    ['a weight of 0', { tenants: { a: { weight: 0 } } }, /tenants\.a\.weight: expected a number, 0\.001 to/],
    ['a weight that is not a number', { tenants: { a: { weight: NaN } } }, /tenants\.a\.weight/],
    ['a tenant with spaces', { tenants: { 'A b': {} } }, /tenants: expected 1 to 63 characters .* got "A b"/],
    ['a resolve that is no function', { resolve: {} }, /Invalid option resolve: expected a function/],
    [
      'an attribute of metrics that is not offered',
      { telemetry: { metricAttributes: ['session'] } },
      /telemetry\.metricAttributes\[0\]: expected 'agent' or 'tenant', got "session"/,
    ],
    [
      'a misspelled option of the telemetry',
      { telemetry: { metricAttribute: [] } },
      /did you mean telemetry\.metricAttributes\?/,
    ],
    ['a logger without methods', { logger: {} }, /Invalid option logger/],
    [
      'a bad default',
      { defaults: { proxy: { baseURL: 'ftp://x' } } },
      /defaults\.proxy\.baseURL: expected an http/,
    ],
    [
      'a misspelled default',
      { defaults: { proxy: { baseUrl: 'x' } } },
      /did you mean defaults\.proxy\.baseURL/,
    ],
    [
      'a home in the defaults',
      { defaults: { home: '/x' } },
      /home cannot be in the defaults.*\{dataDir\}\/\{id\}/,
    ],
    [
      'a port in the defaults',
      { defaults: { port: 1 } },
      /port cannot be in the defaults of a fleet: each start/,
    ],
    [
      'a logger in the defaults',
      { defaults: { logger: console } },
      /logger cannot be in .*give the logger to the/,
    ],
  ])('refuses %s', (_what, patch, message) => {
    expect(refusal(patch)).toMatch(message)
  })

  it.each([[undefined], [null], ['x']])('refuses options that are no object: %s', (options) => {
    expect(() => compileFleetOptions(options as unknown as FleetOptions)).toThrow(InvalidOptionsError)
  })

  it('hides the secrets of the defaults from inspection and serialisation', () => {
    const fleet = compileFleetOptions(good)
    const shown = [inspect(fleet, { depth: 9, showHidden: true }), JSON.stringify(fleet)]
    expect(shown.join('\n')).not.toContain('canary')
    expect(refusal({ defaults: { proxy: { apiKey: 'canary with spaces' } } })).not.toContain('canary')
  })

  it('keeps a copy, which no later change of the given options reaches', () => {
    const defaults = { maxRunningTurns: 3 }
    const fleet = compileFleetOptions({ ...good, defaults })
    defaults.maxRunningTurns = 4
    expect(agentLimits(fleet, { id: 'a1' }).maxRunningTurns).toBe(3)
    expect(Object.isFrozen(fleet.values) && Object.isFrozen(fleet.values.limits)).toBe(true)
  })
})

describe('resolveAgent', () => {
  it('returns what the option resolve returns or resolves with, and undefined without the option', async () => {
    const resolve = ({ id }: { id: string }) => Promise.resolve({ proxy: { apiKey: `key-of-${id}` } })
    const fleet = compileFleetOptions({ ...good, resolve })
    await expect(resolveAgent(fleet, { id: 'a1' })).resolves.toEqual({ proxy: { apiKey: 'key-of-a1' } })
    await expect(resolveAgent(compileFleetOptions(good), { id: 'a1' })).resolves.toBeUndefined()
  })

  it('rejects with the error that resolve throws', async () => {
    const resolve = () => {
      throw new Error('the vault is closed')
    }
    await expect(resolveAgent(compileFleetOptions({ ...good, resolve }), { id: 'a1' })).rejects.toThrow(
      'vault',
    )
  })
})
