import { mkdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { homeOwnerOf } from '../../config/agent-user.ts'
import { workspaceOf } from '../../config/workspace.ts'
import { askingTools } from '../../config/host-tool.ts'
import { HostFaultError, InvalidOptionsError } from '../../errors.ts'
import type { ResolvedOptions, SecretOptions } from '../../config/options.ts'
import { asHostFault, errnoOf } from '../host/host-fault.ts'
import { holdFolder } from '../home/held-folder.ts'
import { inHomeFolder } from '../home/home-folder.ts'
import { restrict } from '../home/modes.ts'
import { readPlainFile } from '../home/plain-file.ts'
import { replaceFile } from '../home/private-file.ts'
import { hostToolName } from './host-tool-name.ts'
import { configText, literal } from './literal-text.ts'

/** Returns the folder of a home's opencode config. */
export const configFolder = (home: string): string => join(home, ...configSegments)

/** Folders on the way from a home to its opencode config. */
export const configSegments: readonly string[] = ['.config', 'opencode']

/** Returns the path of a home's opencode config, which holds the proxy's key. */
export const configFile = (home: string): string => join(configFolder(home), configName)

const configName = 'opencode.json'

/**
 * Writes the server's config: provider, key and models, on top of the option `config`. The folder has mode
 * 0700 and the file 0600, also if they existed with wider modes, as far as the file system sets modes. The
 * file is replaced atomically, and left alone if its content is already the same. Also makes the home's
 * workspace if that is the agent's directory; any other directory must exist.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the home or its workspace cannot be written
 * @throws HostFaultError (`ERR_OPENCODE_HOST_FAULT`) if the write fails for the moment
 */
export async function writeConfigFile(options: ResolvedOptions, secrets: SecretOptions): Promise<string> {
  const { home, directory } = options
  const owner = homeOwnerOf(options)
  const content = configText(buildConfig(options, secrets))
  await naming('home', home, () =>
    inHomeFolder(home, configSegments, owner, async (folder) => {
      const file = join(folder, configName)
      // A file in a home that the host does not trust is always replaced, because its path may be a link.
      const isCurrent = owner === undefined && (await currentContent(file)) === content
      // A file of another user, whose mode cannot be set, is replaced by a file of this user.
      if (!isCurrent || !restrict(file, 0o600)) await replaceFile(file, content, { owner })
    }),
  )
  if (resolve(directory) === resolve(workspaceOf(home)))
    await naming('directory', directory, () => makeWorkspace(options))
  return configFile(home)
}

/** Makes the directory of an agent that works in its home. */
async function makeWorkspace(options: ResolvedOptions): Promise<void> {
  const { home, directory } = options
  const owner = homeOwnerOf(options)
  if (owner) holdFolder(home, [basename(directory)], owner, 'user').close()
  else await mkdir(directory, { recursive: true, mode: 0o700 })
}

/** Runs a write, and on failure throws an error that names the option with the path. */
async function naming(option: string, value: string, write: () => Promise<unknown>): Promise<void> {
  try {
    await write()
  } catch (error) {
    throw unwritable(option, value, error)
  }
}

/** Error codes of a path that cannot be written, or that another kind of file occupies. */
const refusals = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'EISDIR', 'ENOENT'])

/**
 * Returns the error for an option whose path the file system refused to write: a HostFaultError for a fault
 * that passes, an InvalidOptionsError for any other error of the system. An error of another kind is returned
 * unchanged.
 */
export function unwritable(option: string, value: string, error: unknown): Error {
  const fault = asHostFault(error, `The ${option} could not be written`, value)
  if (fault instanceof HostFaultError) return fault
  const code = errnoOf(error)
  if (code === undefined && error instanceof Error) return error
  const { path = value } = error as NodeJS.ErrnoException
  const expected = refusals.has(code ?? '') ? 'that this process can write' : 'that can be used'
  return new InvalidOptionsError(
    `Invalid option ${option}: expected a directory ${expected}, got ${JSON.stringify(value)} (${code ?? 'unknown'} at ${path})`,
    { cause: error },
  )
}

/** Returns the text of a config file; `undefined` if there is no file, or this user may not read it. */
async function currentContent(file: string): Promise<string | undefined> {
  const isPlain = await stat(file).then(
    (entry) => entry.isFile(),
    () => false,
  )
  if (!isPlain) return undefined
  return readPlainFile(file).catch((error: unknown) => {
    if (errnoOf(error) === 'EACCES') return undefined
    throw error
  })
}

/**
 * Returns the config in opencode's form (1.18.33): a provider of `@ai-sdk/openai-compatible` with the
 * configured models. Texts of the provider are literal, because its key or a header may hold any text. Other
 * texts of the option `config` may use opencode's `{env:NAME}` and `{file:path}`.
 */
function buildConfig(options: ResolvedOptions, secrets: SecretOptions): Record<string, unknown> {
  const { providerId, name } = options.proxy
  const models = Object.fromEntries(options.models.map((model) => [model.id, modelConfig(model)]))
  const provider = {
    npm: '@ai-sdk/openai-compatible',
    name,
    options: { baseURL: secrets.baseURL, apiKey: secrets.apiKey },
    models,
  }
  const first = options.models[0]
  const generated = {
    $schema: 'https://opencode.ai/config.json',
    ...(first && { model: `${providerId}/${first.id}` }),
    autoupdate: false,
    share: 'disabled',
    provider: { [providerId]: provider },
  }
  const config = withPermissions(merge(secrets.config, generated), askingTools(options.hostTools))
  const providers = config['provider'] as Json
  return {
    ...config,
    model: literal(config['model']),
    provider: { ...providers, [providerId]: literal(providers[providerId]) },
  }
}

/**
 * Returns a config in which these host tools ask for permission. Their rules come last, because the last rule
 * that matches decides.
 */
function withPermissions(config: Json, asking: readonly string[]): Json {
  if (asking.length === 0) return config
  const { permission: given = {} } = config
  const rules = isJson(given) ? given : { '*': given }
  const names = asking.map(hostToolName)
  const others = Object.entries(rules).filter(([name]) => !names.includes(name))
  const own = names.map((name) => [name, 'ask'] as const)
  return { ...config, permission: Object.fromEntries([...others, ...own]) }
}

/**
 * Returns the config of a model. `modalities` is needed: without it opencode drops images without an error,
 * and `attachment` alone is not enough.
 */
function modelConfig({
  name,
  input,
  contextTokens,
  outputTokens,
  cost,
  options,
}: ResolvedOptions['models'][number]) {
  const takesFiles = input?.some((kind) => kind !== 'text') ?? false
  return {
    ...(name !== undefined && { name }),
    ...(input && { modalities: { input, output: ['text'] }, attachment: takesFiles }),
    ...((contextTokens ?? outputTokens) !== undefined && {
      limit: limitOf(contextTokens, outputTokens),
    }),
    ...(cost && {
      cost: {
        input: cost.input,
        output: cost.output,
        cache_read: cost.cacheRead ?? 0,
        cache_write: cost.cacheWrite ?? 0,
      },
    }),
    ...(options && { options }),
  }
}

/**
 * Returns the limits of a model. The default of the output leaves most of a small context to the input.
 *
 * @remarks Observed in opencode 1.18.33: the server compacts the context when the input exceeds `context`
 * minus `output`. Its own prompt and tools take some 8 700 tokens.
 */
function limitOf(context = 128_000, output = Math.min(8_192, Math.ceil(context / 4))) {
  return { context, output }
}

type Json = Record<string, unknown>
const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function merge(under: Json, over: Json): Json {
  const merged: Json = { ...under }
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key]
    merged[key] = isJson(below) && isJson(value) ? merge(below, value) : value
  }
  return merged
}
