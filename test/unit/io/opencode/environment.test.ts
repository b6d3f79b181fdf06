import { describe, expect, it } from 'vitest'
import {
  markerVariable,
  serverEnvironment,
  type EnvironmentInput,
} from '../../../../src/io/opencode/environment.ts'

const build = (input: Partial<EnvironmentInput> = {}) =>
  serverEnvironment({
    home: '/srv/a1',
    username: 'opencode',
    password: 'pw',
    marker: 'mark',
    env: {},
    trustProjectConfig: false,
    inherited: {},
    ...input,
  })

describe('serverEnvironment', () => {
  it.each([
    'PATH',
    'LANG',
    'LC_ALL',
    'LC_TIME',
    'TZ',
    'TERM',
    'USER',
    'SSL_CERT_FILE',
    'NODE_EXTRA_CA_CERTS',
    'HTTP_PROXY',
    'https_proxy',
    'ALL_PROXY',
  ])('passes on %s of the host', (name) => {
    expect(build({ inherited: { [name]: 'value' } })[name]).toBe('value')
  })

  it('passes on SHELL, of the host or of the option env, only if it runs commands', () => {
    expect(build({ inherited: { SHELL: '/bin/sh' } })['SHELL']).toBe('/bin/sh')
    for (const shell of ['/usr/sbin/nologin', '/bin/false', '/bin/true', '/no/such/shell', '']) {
      expect(build({ inherited: { SHELL: shell } })).not.toHaveProperty('SHELL')
      expect(build({ inherited: { SHELL: '/bin/sh' }, env: { SHELL: shell } })).not.toHaveProperty('SHELL')
    }
  })

  it.each([
    'OPENCODE_CONFIG',
    'OPENCODE_CONFIG_CONTENT',
    'OPENCODE_SERVER_PASSWORD',
    'OPENCODE',
    'OPENAI_API_KEY',
    'ANTHROPIC_API_KEY',
    'LITELLM_MASTER_KEY',
    'AWS_SECRET_ACCESS_KEY',
    'GITHUB_TOKEN',
    'DATABASE_URL',
    'NODE_OPTIONS',
    'LD_PRELOAD',
    'SSH_AUTH_SOCK',
    'XDG_CONFIG_DIRS',
    'XDG_RUNTIME_DIR',
    'MY_PATH',
    'PATH_EXTRA',
  ])('leaves out %s of the host', (name) => {
    const env = build({ inherited: { [name]: 'host-canary' }, password: undefined })
    expect(Object.values(env)).not.toContain('host-canary')
  })

  it("sets the temp folder in the home, or the folder that the user sets, never the host's", () => {
    expect(build({ inherited: { TMPDIR: '/var/tmp' } })['TMPDIR']).toBe('/srv/a1/.cache/tmp')
    expect(build({ env: { TMPDIR: '/mnt/scratch' } })['TMPDIR']).toBe('/mnt/scratch')
  })

  it('sets HOME and all XDG folders to the home, whatever the host or the user sets', () => {
    const names = ['HOME', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'XDG_STATE_HOME', 'XDG_CACHE_HOME']
    const elsewhere = Object.fromEntries(names.map((name) => [name, '/root']))
    expect(build({ inherited: elsewhere, env: elsewhere })).toMatchObject({
      HOME: '/srv/a1',
      XDG_CONFIG_HOME: '/srv/a1/.config',
      XDG_DATA_HOME: '/srv/a1/.local/share',
      XDG_STATE_HOME: '/srv/a1/.local/state',
      XDG_CACHE_HOME: '/srv/a1/.cache',
    })
  })

  it("prefers the user's variables to the host's and to the package's defaults", () => {
    const env = build({
      inherited: { LANG: 'C', PATH: '/bin' },
      env: { LANG: 'pl_PL.UTF-8', MY_TOOL_KEY: 'k', OPENCODE_DISABLE_AUTOUPDATE: '0' },
    })
    expect(env).toMatchObject({
      LANG: 'pl_PL.UTF-8',
      PATH: '/bin',
      MY_TOOL_KEY: 'k',
      OPENCODE_DISABLE_AUTOUPDATE: '0',
    })
  })

  it('does not let the user override the marker, the user name and the password', () => {
    const theirs = { [markerVariable]: 'x', OPENCODE_SERVER_PASSWORD: 'x', OPENCODE_SERVER_USERNAME: 'x' }
    expect(build({ env: theirs, inherited: theirs })).toMatchObject({
      [markerVariable]: 'mark',
      OPENCODE_SERVER_PASSWORD: 'pw',
      OPENCODE_SERVER_USERNAME: 'opencode',
    })
  })

  it('removes an inherited password if the server has none', () => {
    const env = build({ password: undefined, env: { OPENCODE_SERVER_PASSWORD: 'theirs' } })
    expect(env).not.toHaveProperty('OPENCODE_SERVER_PASSWORD')
  })

  it("disables a project's own config, whatever the user's variables say", () => {
    expect(build()).toMatchObject({ OPENCODE_DISABLE_PROJECT_CONFIG: '1' })
    const theirs = { OPENCODE_DISABLE_PROJECT_CONFIG: '0' }
    expect(build({ env: theirs, inherited: theirs })).toMatchObject({ OPENCODE_DISABLE_PROJECT_CONFIG: '1' })
  })

  it("leaves the setting for a project's own config to the user if the project is trusted", () => {
    const name = 'OPENCODE_DISABLE_PROJECT_CONFIG'
    expect(build({ trustProjectConfig: true, inherited: { [name]: '1' } })).not.toHaveProperty(name)
    expect(build({ trustProjectConfig: true, env: { [name]: '1' } })).toMatchObject({ [name]: '1' })
  })

  it.each(['OPENCODE_CONFIG', 'OPENCODE_CONFIG_DIR', 'OPENCODE_CONFIG_CONTENT'])(
    'passes on %s of the user',
    (name) => expect(build({ env: { [name]: '/theirs' } })).toMatchObject({ [name]: '/theirs' }),
  )

  it.each([
    ['none', {}],
    ['upper case', { NO_PROXY: 'internal.example, .corp' }],
    ['lower case', { no_proxy: 'internal.example, .corp' }],
    ['both', { NO_PROXY: 'internal.example', no_proxy: '.corp' }],
  ])('exempts loopback from proxies, and keeps the existing exemptions: %s', (_, inherited) => {
    const env = build({ inherited: { ...inherited, HTTP_PROXY: 'http://proxy:3128' } })
    expect(env['HTTP_PROXY']).toBe('http://proxy:3128')
    for (const name of ['NO_PROXY', 'no_proxy']) {
      const hosts = env[name]?.split(',') ?? []
      expect(hosts).toEqual(expect.arrayContaining(['127.0.0.1', 'localhost', '::1']))
      const kept = Object.keys(inherited).length > 0 ? ['internal.example', '.corp'] : []
      expect(hosts).toEqual(expect.arrayContaining(kept))
      expect(new Set(hosts).size).toBe(hosts.length)
    }
  })

  it("keeps the exemptions of the user's own variables", () => {
    expect(build({ env: { NO_PROXY: 'mine.example' } })['no_proxy']?.split(',')).toContain('mine.example')
  })
})
