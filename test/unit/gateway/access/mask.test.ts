import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { HostPaths, mapTexts } from '../../../../src/gateway/access/host-paths.ts'
import { shownSpec } from '../../../../src/gateway/access/shown-spec.ts'

const paths = new HostPaths(['/srv/my agents'])

describe('HostPaths', () => {
  it.each([
    ['ENOENT: no such file, open /etc/opencode/secret.json', 'ENOENT: no such file, open …/secret.json'],
    ['spawn "/usr/local/bin/opencode" failed', 'spawn "…/opencode" failed'],
    [`see ${tmpdir()}/a/b.log.`, 'see …/b.log.'],
    ['at file:///home/me/x.ts:3:7', 'at file://…/x.ts:3:7'],
    ['(/srv/my agents/.fleet/agents)', '(…/agents)'],
    ['PATH=/usr/bin:/opt/bin', 'PATH=…/bin:…/bin'],
    ['{"home":"/srv/my agents/a1"}', '{"home":"…/a1"}'],
    ['the folder /home/', 'the folder …/home'],
    ['/root', '…/root'],
  ])('masks %j', (text, masked) => expect(paths.mask(text)).toBe(masked))

  it.each([
    'GET /v1/agents/a1/turns and /healthz',
    'http://127.0.0.1:4000/v1/models, https://x.example/home/me',
    'either/or, 1/2, a/etc/b, ./src/x, ~/x, ../tmp/x',
    '/etcetera and /homework',
    'model openai/gpt-4o',
    '',
  ])('leaves %j', (text) => expect(paths.mask(text)).toBe(text))

  it("leaves the paths in the agent's directory", () => {
    const text = 'in /srv/my agents/a1/workspace/src and /srv/my agents/a1/workspace, not /srv/my agents/a2/x'
    expect(paths.mask(text, '/srv/my agents/a1/workspace')).toBe(
      'in /srv/my agents/a1/workspace/src and /srv/my agents/a1/workspace, not …/x',
    )
    expect(paths.mask('/home/me/project-2/x', '/home/me/project')).toBe('…/x')
    expect(paths.mask('/home/me/project/../other', '/home/me/project')).toBe('…/other')
  })

  it('masks every text of a value', () => {
    const value = { a: ['/etc/x', { b: '/tmp/y', c: null, d: 1 }] }
    expect(mapTexts(value, (text) => paths.mask(text))).toEqual({ a: ['…/x', { b: '…/y', c: null, d: 1 }] })
  })

  it('takes little time for a long text', () => {
    const text = '/usr/'.repeat(50_000) + ' /' + 'a/'.repeat(100_000)
    const before = performance.now()
    paths.mask(text)
    expect(performance.now() - before).toBeLessThan(2_000)
  })
})

describe('shownSpec', () => {
  it('shows no env, no config, no key, no credentials and no path outside the directory', () => {
    const spec = {
      id: 'a1',
      labels: { team: 'x' },
      proxy: { baseURL: 'http://me:hidden-1@127.0.0.1:4000/v1', apiKey: 'abc', providerId: 'litellm' },
      models: [
        { id: 'gpt-4o', options: { apiKey: 'xyz', headers: { Authorization: 'Bearer hidden-2' }, top: 1 } },
        { id: 'gpt-5', options: { credentials: { value: 'hidden-5', user: { name: 'hidden-6' } } } },
      ],
      env: { A: 'hidden-3' },
      config: { a: 'hidden-4' },
      binary: '/opt/tools/opencode',
      directory: '/srv/project',
      uid: 1001,
    }
    expect(shownSpec(spec, paths, '/srv/project')).toEqual({
      id: 'a1',
      labels: { team: 'x' },
      proxy: { baseURL: 'http://me:***@127.0.0.1:4000/v1', providerId: 'litellm' },
      models: [
        { id: 'gpt-4o', options: { headers: {}, top: 1 } },
        { id: 'gpt-5', options: { credentials: { user: {} } } },
      ],
      binary: '…/opencode',
      directory: '/srv/project',
      uid: 1001,
    })
  })
})
