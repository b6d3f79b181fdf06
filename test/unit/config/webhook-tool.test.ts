import { describe, expect, it } from 'vitest'
import { validateSpec } from '../../../src/config/agent-spec.ts'
import { changesServer, compileAgent, isSameAgent } from '../../../src/config/agent-options.ts'
import { compileFleetOptions } from '../../../src/config/compiled-fleet.ts'
import type { AgentSpec, FleetDefaults } from '../../../src/config/fleet-options.ts'
import { hostTool } from '../../../src/config/host-tool.ts'
import type { ResolvedWebhookTool, WebhookTool } from '../../../src/config/webhook-tool.ts'
import { InvalidOptionsError } from '../../../src/errors.ts'

const proxy = { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'sk-webhook-test' }
const look: WebhookTool = {
  name: 'look',
  description: 'Looks.',
  inputSchema: { type: 'object', properties: { id: { type: 'string' } } },
  url: 'https://tools.example.com/look?token=canary',
}
const fleetWith = (defaults: FleetDefaults = {}) =>
  compileFleetOptions({ dataDir: '/srv/agents', defaults: { proxy, models: ['m'], ...defaults } })
const fleet = fleetWith()
const specWith = (...hostTools: WebhookTool[]): AgentSpec => ({ id: 'a1', hostTools })

/** Compiles a spec, and returns its host tools, and the webhooks of which they were made. */
function compiled(spec: AgentSpec, of = fleet, resolved = {}) {
  const made: (ResolvedWebhookTool & { agent: object })[] = []
  const { values } = compileAgent(of, spec, resolved, undefined, (agent, tool) => {
    made.push({ ...tool, agent })
    return hostTool({ description: tool.description, input: { type: 'object' }, execute: () => tool.url })
  })
  return { tools: values.hostTools, made }
}

function refusal(tool: object): string {
  try {
    validateSpec(fleet, { id: 'a1', hostTools: [tool] })
  } catch (error) {
    if (error instanceof InvalidOptionsError) return error.message
    throw error
  }
  return 'accepted'
}

describe('a list of webhooks in a spec', () => {
  it('is kept as given', () => {
    const spec = specWith(look, { ...look, name: 'pay', ask: true, timeoutMs: 5 })
    expect(validateSpec(fleet, spec)).toEqual(spec)
    expect(validateSpec(fleet, specWith())).toEqual(specWith())
  })

  it.each([
    ['a bad name', { name: 'look it up' }, /hostTools\[0\]\.name: expected a name of 1 to 58 letters/],
    ['no name', { name: undefined }, /`hostTools\[0\]\.name` is required/],
    ['an empty description', { description: '' }, /hostTools\[0\]\.description: expected a text/],
    [
      'a schema of a text',
      { inputSchema: { type: 'string' } },
      /inputSchema: expected the JSON Schema of an ob/,
    ],
    [
      'a schema that is none',
      { inputSchema: 'object' },
      /inputSchema: expected the JSON Schema of an object/,
    ],
    ['a file', { url: 'file:///etc/passwd' }, /hostTools\[0\]\.url: expected an http or https URL/],
    ['no URL', { url: 'tools' }, /hostTools\[0\]\.url: expected an http or https URL/],
    [
      'a fragment',
      { url: 'https://x/#canary' },
      /hostTools\[0\]\.url: expected an http or https URL without #/,
    ],
    ['credentials', { url: 'https://u:canary@x/' }, /url: expected a URL without a user name and a password/],
    ['a time limit of 0', { timeoutMs: 0 }, /timeoutMs: expected a whole number of milliseconds, 1 to/],
    ['a wrong ask', { ask: 'yes' }, /hostTools\[0\]\.ask: expected true or false/],
    [
      'an unknown field',
      { timeout: 5 },
      /Unknown option hostTools\[0\]\.timeout|unknown option hostTools\[0\]\.tim/,
    ],
  ])('is refused with %s', (_what, field, message) => {
    const refused = refusal({ ...look, ...field })
    expect(refused).toMatch(message)
    expect(refused).not.toContain('canary')
  })

  it('is refused with a name twice', () => {
    expect(() => validateSpec(fleet, specWith(look, look))).toThrow(/hostTools: expected each name only once/)
  })
})

describe('compileAgent', () => {
  it('makes a host tool of each webhook, with every default filled in', () => {
    const { tools, made } = compiled(specWith(look))
    expect(Object.keys(tools)).toEqual(['look'])
    expect(made).toEqual([
      { ...look, ask: false, timeoutMs: 120_000, agent: { id: 'a1', tenant: 'default' } },
    ])
  })

  it('merges webhooks with those of the defaults and the functions of resolve, by name', () => {
    const pay = { ...look, name: 'pay' }
    const own = hostTool({ description: 'd', input: { type: 'object' }, execute: () => 'own' })
    const defaults = fleetWith({ hostTools: [{ ...look, url: 'https://default/' }, pay] })
    const { tools, made } = compiled(specWith(look), defaults, { hostTools: { own } })
    expect(Object.keys(tools).sort()).toEqual(['look', 'own', 'pay'])
    expect(tools['own']).toBe(own)
    expect(made.map(({ name, url }) => [name, url]).sort()).toEqual([
      ['look', look.url],
      ['pay', look.url],
    ])
  })

  it('keeps functions of the defaults beside webhooks of the spec', () => {
    const own = hostTool({ description: 'd', input: { type: 'object' }, execute: () => 'own' })
    expect(Object.keys(compiled(specWith(look), fleetWith({ hostTools: { own } })).tools)).toEqual([
      'own',
      'look',
    ])
  })
})

describe('changesServer', () => {
  it.each([
    ['another URL', specWith({ ...look, url: 'https://other/' }), true],
    ['another schema', specWith({ ...look, inputSchema: { type: 'object' } }), true],
    ['a further tool', specWith(look, { ...look, name: 'pay' }), true],
    ['no tool', { id: 'a1' }, true],
    [
      'the same tool with its defaults written out',
      specWith({ ...look, ask: false, timeoutMs: 120_000 }),
      false,
    ],
  ])('compares webhooks: %s', (_what, other, isChanged) => {
    expect(changesServer(fleet, specWith(look), other)).toBe(isChanged)
    expect(isSameAgent(fleet, specWith(look), other)).toBe(!isChanged)
  })

  it('counts an empty list as no list', () => {
    expect(changesServer(fleet, { id: 'a1' }, specWith())).toBe(false)
  })
})

describe('webhookSecret', () => {
  it('is refused if it is short, and is never shown', () => {
    const options = { dataDir: '/srv/agents', webhookSecret: 'short-canary' }
    expect(() => compileFleetOptions(options)).toThrow(
      /webhookSecret: expected a text of at least 24 characters/,
    )
    expect(() => compileFleetOptions(options)).not.toThrow(/canary/)
    const compiledFleet = compileFleetOptions({ ...options, webhookSecret: 'long-enough-canary-0123456789' })
    expect(JSON.stringify(compiledFleet)).not.toContain('canary')
    expect(JSON.stringify(compiledFleet.values)).not.toContain('canary')
  })
})
