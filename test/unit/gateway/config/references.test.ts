import { describe, expect, test } from 'vitest'
import { configOf, messageAbout } from '../../../support/config-file.ts'

const withKey = (key: string, more = '') => `defaults:
  proxy: { base_url: http://127.0.0.1:4000/v1, api_key: ${key} }
  models: [gpt-4o]
agents:
  - id: alice
${more}`

describe('a reference', () => {
  test('to a file is relative to the config file, and loses the line break at its end', async () => {
    const config = await configOf(withKey('{ file: key.txt }'), {}, { 'key.txt': 'sk-from-file\n' })
    expect(config.fleet.defaults?.proxy?.apiKey).toBe('sk-from-file')
  })

  test('works for any text, also inside of config', async () => {
    const more = `    config: { mcp: { tickets: { headers: { Authorization: { env: TOKEN } } } } }
    env: { SECRET: { env: TOKEN } }
    models: [{ env: MODEL }]
`
    const { agents, listen } = await configOf(`listen: { env: LISTEN }\n${withKey('k-1234', more)}`, {
      TOKEN: 'Bearer t',
      MODEL: 'gpt-4o-mini',
      LISTEN: '127.0.0.1:0',
    })
    expect(listen).toEqual({ host: '127.0.0.1', port: 0 })
    expect(agents[0]).toEqual({
      id: 'alice',
      config: { mcp: { tickets: { headers: { Authorization: 'Bearer t' } } } },
      env: { SECRET: 'Bearer t' },
      models: ['gpt-4o-mini'],
    })
  })

  test('is not a label, a variable or a config key with the name env or file', async () => {
    const more = "    labels: { env: prod }\n    env: { env: PROD }\n    config: { file: 'x.txt' }\n"
    const { agents } = await configOf(withKey('k-1234', more))
    expect(agents[0]).toEqual({
      id: 'alice',
      labels: { env: 'prod' },
      env: { env: 'PROD' },
      config: { file: 'x.txt' },
    })
  })

  test('that names nothing is told with its place, and is the only fault of its field', async () => {
    expect(await messageAbout(withKey('{ env: NO_KEY }'))).toBe(
      'fleet.yaml:2:48: defaults.proxy.api_key: the environment variable NO_KEY is not set',
    )
    expect(await messageAbout(withKey('{ file: no/key.txt }'))).toBe(
      'fleet.yaml:2:48: defaults.proxy.api_key: the file no/key.txt does not exist',
    )
    expect(await messageAbout(withKey('{ file: . }'))).toMatch(/api_key: \S+ is not a file$/)
  })

  test('to an empty variable is refused, with a hint', async () => {
    expect(await messageAbout(withKey('{ env: KEY }'), { KEY: '' })).toContain(
      'got an empty string (if the value comes from a variable of the environment, is the variable set?)',
    )
  })
})
