import { describe, expect, it } from 'vitest'
import { isAgentId, validateSpec, validateSpecs } from '../../../src/config/agent-spec.ts'
import { compileFleetOptions } from '../../../src/config/compiled-fleet.ts'
import { unknownAgent } from '../../../src/config/unknown-agent.ts'
import { hostTool } from '../../../src/config/host-tool.ts'
import { InvalidOptionsError, UnknownAgentError } from '../../../src/errors.ts'

const proxy = { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'sk-canary-key' }
const fleet = compileFleetOptions({ dataDir: '/srv/agents' })
const good = { id: 'a1', proxy, models: ['gpt-4o'] }

function messageOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionsError)
    return (error as InvalidOptionsError).message
  }
  throw new Error('Expected an InvalidOptionsError')
}

const refusal = (patch: object) => messageOf(() => validateSpec(fleet, { ...good, ...patch }))

describe('validateSpec', () => {
  it('returns a deeply frozen copy without defaults and without undefined fields', () => {
    const given = { ...good, labels: { owner: 'x' }, warmUp: undefined }
    const spec = validateSpec(fleet, given)
    expect(spec).toStrictEqual({ ...good, labels: { owner: 'x' } })
    expect([spec, spec.proxy, spec.models, spec.labels].every((part) => Object.isFrozen(part))).toBe(true)
    expect(spec.proxy).not.toBe(given.proxy)
    expect(JSON.parse(JSON.stringify(spec))).toStrictEqual(spec)
  })

  it.each([
    ['a bad URL', { proxy: { ...proxy, baseURL: 'ftp://x' } }, /proxy\.baseURL: expected an http.*got "ftp:/],
    ['a misspelled option', { tennant: 'x' }, /unknown option tennant \(did you mean tenant\?\)/],
    [
      'a misspelled field',
      { proxy: { ...proxy, apikey: 'k' } },
      /proxy\.apikey \(did you mean proxy\.apiKey/,
    ],
    ['a bad tenant', { tenant: 'Acme' }, /option tenant: expected 1 to 63 characters a-z/],
    ['a label that is no text', { labels: { a: 1 } }, /option labels\.a: expected a string, got 1/],
    ['a memory of 0', { memoryMb: 0 }, /memoryMb: expected a whole number of MiB, 1 or more, got 0/],
    ['no running turn', { maxRunningTurns: 0 }, /maxRunningTurns: expected a whole number of turns, 1 or/],
    ['the same model twice', { models: ['m', 'm'] }, /models: expected each model only once/],
    ['a home', { home: '/x' }, /home cannot be in a spec: the home of an agent is \{dataDir\}\/\{id\}/],
    ['a port', { port: 4096 }, /port cannot be in a spec: each start chooses a free port/],
    ['a password', { password: 'sesame' }, /password cannot be in a spec: each start makes a new/],
    ['a logger', { logger: console }, /logger cannot be in a spec: give the logger to the fleet/],
    ['a function', { onPermission: () => 'once' }, /onPermission.*a function.*the fleet's option resolve/],
    [
      'a policy that does not exist',
      { onQuestion: 'once' },
      /onQuestion: expected 'reject' or 'ask', got "on/,
    ],
    ['an instance of a class', { config: { at: [new Date()] } }, /config\.at\[0\].*an instance of a class/],
    ['a number without JSON', { config: { n: NaN } }, /config\.n: expected a value of JSON, got NaN/],
    ['a bigint', { config: { n: 1n } }, /config\.n: expected a value of JSON, got a bigint/],
    ['an id of the fleet itself', { id: '.fleet' }, /^agent "\.fleet": invalid option id/],
    ['an id with capitals', { id: 'A1' }, /^agent "A1": invalid option id: expected 1 to 63 characters/],
    ['an id that is too long', { id: 'a'.repeat(64) }, /invalid option id/],
    ['no id', { id: undefined }, /^agent without an id: option `id` is required/],
  ])('refuses %s, and names the agent and the option', (_what, patch, message) => {
    const refused = refusal(patch)
    expect(refused).toMatch(message)
    if (!('id' in patch)) expect(refused).toMatch(/^agent "a1": /)
  })

  it('refuses host tools, and names resolve', () => {
    const tool = hostTool({ description: 'd', input: { type: 'object' }, execute: () => 'x' })
    expect(refusal({ hostTools: { tool } })).toMatch(/hostTools cannot be in a spec: .*option resolve/)
  })

  it('refuses an endless value', () => {
    const endless: unknown[] = []
    endless.push(endless)
    expect(refusal({ config: { endless } })).toContain('nested too deeply')
  })

  it('shows no secret of a bad option', () => {
    expect(refusal({ proxy: { ...proxy, apiKey: 'canary with spaces' } })).not.toContain('canary')
    expect(refusal({ password: 'canary' })).not.toContain('canary')
    expect(refusal({ env: { 'TOKEN=canary': () => 1 } })).not.toContain('canary')
  })

  it.each([[null], ['a1'], [[]], [undefined]])('refuses %o, which is no object', (spec) => {
    expect(messageOf(() => validateSpec(fleet, spec))).toContain('expected an object with an id')
  })

  it('refuses missing options unless the defaults or resolve may give them', () => {
    const spec = { id: 'a1', proxy: { apiKey: 'sk-1' } }
    const message = messageOf(() => validateSpec(fleet, spec))
    expect(message).toMatch(/^agent "a1": options `proxy\.baseURL`, `models` are required: .*resolve/)
    const { apiKey: _key, ...rest } = proxy
    const one = messageOf(() => validateSpec(fleet, { ...good, proxy: rest }))
    expect(one).toMatch(/^agent "a1": option `proxy\.apiKey` is required: give it in the spec/)
    const filled = compileFleetOptions({ dataDir: '/srv', defaults: { proxy: rest, models: ['m'] } })
    expect(validateSpec(filled, spec)).toEqual(spec)
    const resolving = compileFleetOptions({ dataDir: '/srv', resolve: () => ({}) })
    expect(validateSpec(resolving, { id: 'a1' })).toEqual({ id: 'a1' })
  })
})

describe('validateSpecs', () => {
  it('returns the specs in their order', () => {
    const specs = ['b', 'a', 'c'].map((id) => ({ ...good, id }))
    expect(validateSpecs(fleet, specs)).toEqual(specs)
  })

  it('refuses an id that occurs twice', () => {
    expect(messageOf(() => validateSpecs(fleet, [good, good]))).toBe(
      'agent "a1": expected each id only once in a call',
    )
  })

  it('names every bad agent, and the place of a spec without an id', () => {
    const message = messageOf(() => validateSpecs(fleet, [good, { ...good, id: 'b', models: [] }, 4]))
    expect(message).toMatch(/^agent "b": invalid option models: .*; agent without an id: .* \(at index 2\)$/)
  })

  it('names five bad agents, and counts the others', () => {
    const message = messageOf(() =>
      validateSpecs(
        fleet,
        Array.from({ length: 9 }, (_, i) => ({ id: `a${i}` })),
      ),
    )
    expect(message.match(/agent "/g)).toHaveLength(5)
    expect(message).toMatch(/; and 4 more specs with errors$/)
  })

  it.each([[undefined], [{}], ['x']])('refuses %o, which is no list', (specs) => {
    expect(messageOf(() => validateSpecs(fleet, specs))).toBe('Invalid specs: expected a list of specs')
  })
})

describe('isAgentId', () => {
  it('accepts 1 to 63 characters of the pattern only', () => {
    const valid = ['a', '0', 'a-b_c', 'a'.repeat(63)]
    const invalid = ['', '-a', '_a', 'A', 'a.b', 'a/b', 'a\n', 'ä', 'a'.repeat(64), '..', 1, undefined]
    expect(valid.every(isAgentId)).toBe(true)
    expect(invalid.some(isAgentId)).toBe(false)
  })
})

describe('unknownAgent', () => {
  it('names the id, a similar agent, and what to do', () => {
    const error = unknownAgent('suport', ['sales', 'support'])
    expect(error).toBeInstanceOf(UnknownAgentError)
    expect(error.message).toBe(
      'The fleet has no agent "suport" (did you mean "support"?); declare the agent first, with apply() or put()',
    )
    expect(unknownAgent('x', []).message).toBe(
      'The fleet has no agent "x"; declare the agent first, with apply() or put()',
    )
  })

  it('explains an id that no agent can have', () => {
    expect(unknownAgent('../a', ['a']).message).toMatch(/no agent "\.\.\/a"; no agent can have this id/)
    expect(unknownAgent(undefined, []).message).toBe('Expected the id of an agent, a string, got undefined')
    expect(unknownAgent('x'.repeat(10_000), []).message.length).toBeLessThan(300)
  })
})
