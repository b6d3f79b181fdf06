import { describe, expect, it } from 'vitest'
import { secretTexts } from '../../../src/config/secret-texts.ts'
import { compileOptions } from '../../../src/config/options.ts'

const base = { home: '/srv/a', proxy: { baseURL: 'http://x/v1', apiKey: 'sk-1234' }, models: ['m'] }

describe('secretTexts', () => {
  it.each([
    [
      'a field',
      { provider: { x: { options: { apiKey: 'sk-in-config', region: 'here' } } } },
      ['sk-in-config'],
    ],
    ['a list', { apiKeys: ['sk-one', 'sk-two'] }, ['sk-one', 'sk-two']],
    [
      'an object with a secret name',
      { credentials: { value: 'abcd', more: [{ pin: 'efgh' }] } },
      ['abcd', 'efgh'],
    ],
    ['an object of keys', { apiKey: { primary: 'sk-one', second: '{env:TWO}' } }, ['sk-one']],
    ['a header', { headers: { Authorization: 'Bearer abc123' } }, ['Bearer abc123', 'abc123']],
    ['a flag', ['npx', 'x', '--api-key', 'sk-flag', '--port', '4000'], ['sk-flag']],
    ['a flag with its value', ['x', '--token=sk-flag', '--port=4000'], ['sk-flag']],
    ['a URL', { url: 'https://me:p%40ss@host/x?a=1&token=t%2Fk' }, ['p%40ss', 'p@ss', 't%2Fk', 't/k']],
    ['a URL with a user and no password', { url: 'https://ghp_1234@host/x' }, ['ghp_1234', 'ghp_1234']],
    ['a proxy without a scheme', { http_proxy: 'me:hunter2@proxy:3128' }, ['hunter2', 'hunter2']],
  ])('finds the secrets in %s', (_what, value, expected) => {
    expect(secretTexts(value).filter((text) => text !== '')).toEqual(expected)
  })

  it('finds the decoded credentials of a Basic scheme', () => {
    const basic = Buffer.from('me:hunter2').toString('base64')
    expect(secretTexts({ authorization: `Basic ${basic}` })).toEqual([
      `Basic ${basic}`,
      basic,
      'me:hunter2',
      'hunter2',
    ])
  })

  it.each([
    [
      'MCP servers and agents by name',
      { mcp: { keycloak: { type: 'remote' } }, agent: { 'token-counter': { mode: 'all' } } },
    ],
    ['JSON Schema', [{ inputSchema: { type: 'object', properties: { token: { type: 'string' } } } }]],
    ['permissions', { permission: { read: { '*.key': 'deny' }, bash: { 'cat **/secrets/*': 'ask' } } }],
    ['keybinds', { keybinds: { leader: 'ctrl+x', model_list: '<leader>m' } }],
    ['models by name', { provider: { tokenhub: { models: { 'key-1': { name: 'Key 1' } } } } }],
    ['a reference after a scheme', { headers: { Authorization: 'Bearer {env:KEY}' } }],
  ])('finds no secret in %s', (_what, value) => {
    expect(secretTexts(value)).toEqual([])
  })

  it('ignores references, other fields and circular values', () => {
    expect(
      secretTexts({ apiKey: '{env:KEY}', model: 'gpt-4o', tokenizer: 'cl100k', key: 7, mail: 'a@b' }),
    ).toEqual([])
    const circle: Record<string, unknown> = { apiKey: 'sk-circle' }
    circle['self'] = circle
    expect(new Set(secretTexts(circle))).toEqual(new Set(['sk-circle']))
  })
})

describe('the secrets of options', () => {
  it('are masked wherever the options hold them', () => {
    const { secrets } = compileOptions({
      ...base,
      proxy: { baseURL: 'http://me:in-the-url@x/v1', apiKey: 'sk-1234' },
      models: [{ id: 'm', options: { headers: { 'x-api-key': 'in-a-model' } } }],
      env: { MY_TOKEN: 'in-the-env', DB: 'postgres://me:in-a-database@x' },
      config: { mcp: { x: { headers: { Authorization: 'Bearer in-the-config' } } } },
    })
    const all = 'sk-1234 in-the-url in-a-model in-the-env in-a-database in-the-config'
    expect(secrets.mask(all)).toBe('*** *** *** *** *** ***')
  })
})
