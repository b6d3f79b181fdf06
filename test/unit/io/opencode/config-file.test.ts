import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { HostFaultError, InvalidOptionsError } from '../../../../src/errors.ts'
import { unwritable, writeConfigFile } from '../../../../src/io/opencode/config-file.ts'
import { secretOptions } from '../../../../src/config/compiled-options.ts'
import { compileOptions, hostTool, type OpenCodeServerOptions } from '../../../../src/config/options.ts'
import { tempHome } from '../../../support/home.ts'

const modeOf = (path: string): number => statSync(path).mode & 0o777
const proxy = { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'sk-one' }

function write(home: string, options: Partial<OpenCodeServerOptions> = {}): Promise<string> {
  const compiled = compileOptions({ home, proxy, models: ['gpt-4o'], ...options })
  return writeConfigFile(compiled.values, secretOptions(compiled))
}

const read = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>

describe('writeConfigFile', () => {
  it.each([
    [undefined, { host_pay: 'ask' }],
    ['allow', { '*': 'allow', host_pay: 'ask' }],
    [
      { host_pay: 'allow', bash: 'deny' },
      { bash: 'deny', host_pay: 'ask' },
    ],
  ])(
    'lets a host tool ask for permission, whatever `config.permission` says: %j',
    async (permission, expected) => {
      const tool = { description: 'x', input: { type: 'object', properties: {} }, execute: () => '' }
      const hostTools = { pay: hostTool({ ...tool, ask: true }), look: hostTool(tool) }
      const file = await write(tempHome(), {
        hostTools,
        ...(permission !== undefined && { config: { permission } }),
      })
      expect(Object.entries(read(file)['permission'] as object)).toEqual(Object.entries(expected))
    },
  )

  it('writes the provider, the key and the models', async () => {
    const file = await write(tempHome(), {
      models: [
        'gpt-4o',
        {
          id: 'local-vl',
          name: 'Local VL',
          input: ['text', 'image'],
          contextTokens: 32_000,
          outputTokens: 4_000,
          cost: { input: 1, output: 2, cacheRead: 0.5 },
          options: { chunkTimeout: 5_000 },
        },
        { id: 'texts', input: ['text'], contextTokens: 8_000 },
      ],
    })
    expect(read(file)).toEqual({
      $schema: 'https://opencode.ai/config.json',
      model: 'litellm/gpt-4o',
      autoupdate: false,
      share: 'disabled',
      provider: {
        litellm: {
          npm: '@ai-sdk/openai-compatible',
          name: 'LiteLLM',
          options: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'sk-one' },
          models: {
            'gpt-4o': {},
            'local-vl': {
              name: 'Local VL',
              modalities: { input: ['text', 'image'], output: ['text'] },
              attachment: true,
              limit: { context: 32_000, output: 4_000 },
              cost: { input: 1, output: 2, cache_read: 0.5, cache_write: 0 },
              options: { chunkTimeout: 5_000 },
            },
            texts: {
              modalities: { input: ['text'], output: ['text'] },
              attachment: false,
              limit: { context: 8_000, output: expect.any(Number) as number },
            },
          },
        },
      },
    })
  })

  it.each([
    [{ contextTokens: 16_384 }, { context: 16_384, output: 4_096 }],
    [{ contextTokens: 1 }, { context: 1, output: 1 }],
    [{ contextTokens: 200_000 }, { context: 200_000, output: 8_192 }],
    [
      { contextTokens: 16_384, outputTokens: 8_000 },
      { context: 16_384, output: 8_000 },
    ],
    [{ outputTokens: 1_000 }, { context: 128_000, output: 1_000 }],
  ])('leaves most of a small context to the input: %o', async (sizes, limit) => {
    const file = await write(tempHome(), { models: [{ id: 'm', ...sizes }] })
    expect(read(file)).toMatchObject({ provider: { litellm: { models: { m: { limit } } } } })
  })

  it('escapes references in the provider, so that opencode takes its texts literally', async () => {
    const reference = 'a-{env:HOME}-{file:/etc/hostname}'
    const file = await write(tempHome(), {
      proxy: { baseURL: `http://127.0.0.1:4000/{env:X}`, apiKey: reference, name: reference },
      models: [{ id: reference, options: { headers: [reference] } }],
      config: {
        provider: { litellm: { options: { headers: { [reference]: reference } } } },
        instructions: ['{file:rules.md}', '{env}'],
      },
    })
    expect(readFileSync(file, 'utf8').match(/\{(env|file):[^}]*\}/g)).toEqual(['{file:rules.md}'])
    expect(read(file)).toMatchObject({
      model: `litellm/${reference}`,
      instructions: ['{file:rules.md}', '{env}'],
      provider: {
        litellm: {
          name: reference,
          options: {
            baseURL: 'http://127.0.0.1:4000/{env:X}',
            apiKey: reference,
            headers: { [reference]: reference },
          },
          models: { [reference]: { options: { headers: [reference] } } },
        },
      },
    })
  })

  it('writes the file where opencode reads it in the home', async () => {
    const home = tempHome()
    expect(await write(home)).toBe(join(home, '.config', 'opencode', 'opencode.json'))
  })

  it("merges the user's config under the package's, which has precedence", async () => {
    const file = await write(tempHome(), {
      proxy: { ...proxy, providerId: 'mine', name: 'Mine' },
      config: {
        model: 'theirs/other',
        share: 'auto',
        permission: { bash: 'deny' },
        provider: {
          mine: { options: { apiKey: 'theirs', timeout: 5 }, models: { extra: { name: 'Extra' } } },
          other: { npm: 'x' },
        },
      },
    })
    expect(read(file)).toMatchObject({
      model: 'mine/gpt-4o',
      share: 'disabled',
      permission: { bash: 'deny' },
      provider: {
        mine: {
          name: 'Mine',
          options: { apiKey: 'sk-one', timeout: 5, baseURL: proxy.baseURL },
          models: { 'gpt-4o': {}, extra: { name: 'Extra' } },
        },
        other: { npm: 'x' },
      },
    })
  })

  it('restricts the folder and the file to this user, also if they had wider modes', async () => {
    const home = tempHome()
    const folder = join(home, '.config', 'opencode')
    const file = await write(home)
    expect([modeOf(folder), modeOf(file)]).toEqual([0o700, 0o600])
    chmodSync(folder, 0o777)
    chmodSync(file, 0o666)
    await write(home)
    expect([modeOf(folder), modeOf(file)]).toEqual([0o700, 0o600])
    chmodSync(file, 0o644)
    await write(home, { proxy: { ...proxy, apiKey: 'sk-two' } })
    expect(modeOf(file)).toBe(0o600)
  })

  it('leaves a file with equal content, and replaces a file with another key', async () => {
    const home = tempHome()
    const file = await write(home)
    const before = statSync(file)
    await write(home)
    expect([statSync(file).mtimeMs, statSync(file).ino]).toEqual([before.mtimeMs, before.ino])
    await write(home, { proxy: { ...proxy, apiKey: 'sk-two' } })
    expect(readFileSync(file, 'utf8')).toContain('sk-two')
    expect(readFileSync(file, 'utf8')).not.toContain('sk-one')
    expect(statSync(file).ino).not.toBe(before.ino)
  })

  it('replaces a broken file', async () => {
    const home = tempHome()
    const file = await write(home)
    writeFileSync(file, '{ half')
    await write(home)
    expect(read(file)).toHaveProperty('provider')
  })

  it('leaves one complete file, and nothing else, after concurrent writes', async () => {
    const home = tempHome()
    const keys = Array.from({ length: 20 }, (_, i) => `sk-writer-${i}`)
    const many = Array.from({ length: 200 }, (_, i) => ({ id: `model-${i}` }))
    const files = await Promise.all(
      keys.map((apiKey) => write(home, { proxy: { ...proxy, apiKey }, models: many })),
    )
    const config = read(files[0] ?? '') as { provider: { litellm: { options: { apiKey: string } } } }
    expect(keys).toContain(config.provider.litellm.options.apiKey)
    expect(readdirSync(join(home, '.config', 'opencode'))).toEqual(['opencode.json'])
  })

  it.each(['', '/.', '/', '/x/..'])(
    'creates the private workspace of the home, also if it is given explicitly: {home}/workspace%s',
    async (spelling) => {
      const home = tempHome()
      await write(home, spelling === '' ? {} : { directory: `${home}/workspace${spelling}` })
      expect(modeOf(join(home, 'workspace'))).toBe(0o700)
    },
  )

  it('creates no other directory, because its name may be misspelt', async () => {
    const home = tempHome()
    await write(home, { directory: join(home, 'a', 'b') })
    expect(existsSync(join(home, 'a'))).toBe(false)
  })

  it('does not change the mode of an existing directory', async () => {
    const home = tempHome()
    const directory = join(home, 'shared')
    mkdirSync(directory)
    chmodSync(directory, 0o755)
    await write(home, { directory })
    expect(modeOf(directory)).toBe(0o755)
  })

  it.each(['home', 'directory'] as const)(
    'names a %s that cannot be written, and shows no key',
    async (option) => {
      const home = tempHome()
      const blocker = join(home, 'workspace')
      writeFileSync(blocker, '')
      const place = option === 'home' ? join(blocker, 'below') : blocker
      const failure = write(option === 'home' ? place : home)
      const error = await failure.catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(InvalidOptionsError)
      expect((error as Error).message).toContain(`Invalid option ${option}: expected a directory`)
      expect((error as Error).message).toContain(place)
      expect((error as Error).message).not.toContain('sk-one')
    },
  )

  it('leaves no temporary file behind after a failure', async () => {
    const home = tempHome()
    const file = join(home, '.config', 'opencode', 'opencode.json')
    mkdirSync(file, { recursive: true })
    await expect(write(home)).rejects.toThrow('Invalid option home')
    expect(readdirSync(join(home, '.config', 'opencode'))).toEqual(['opencode.json'])
  })
})

describe('unwritable', () => {
  const failure = (code: string) => Object.assign(new Error(`${code}: x`), { code, path: '/srv/a1/.config' })

  it.each(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'EISDIR', 'ENOENT'])(
    'describes %s as a directory that this process cannot write',
    (code) => {
      const error = unwritable('home', '/srv/a1', failure(code))
      expect(error).toBeInstanceOf(InvalidOptionsError)
      expect(error.message).toBe(
        `Invalid option home: expected a directory that this process can write, got "/srv/a1" (${code} at /srv/a1/.config)`,
      )
    },
  )

  it.each(['ENAMETOOLONG', 'ELOOP'])('describes %s as a directory that cannot be used', (code) => {
    const error = unwritable('home', '/srv/a1', failure(code))
    expect(error).toBeInstanceOf(InvalidOptionsError)
    expect(error.message).toMatch(new RegExp(`expected a directory that can be used, got .* \\(${code} at`))
  })

  it.each(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'EIO', 'ESTALE', 'EBUSY'])(
    'returns a HostFaultError for %s',
    (code) => {
      const error = unwritable('home', '/srv/a1', failure(code))
      expect(error).toBeInstanceOf(HostFaultError)
      expect(error).toMatchObject({ retryable: true, errno: code, path: '/srv/a1/.config' })
      expect(error.message).not.toContain('Invalid option')
    },
  )

  it('returns any other error unchanged', () => {
    const error = new Error('something else')
    expect(unwritable('home', '/srv/a1', error)).toBe(error)
  })
})
