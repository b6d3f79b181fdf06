import { absolutePath } from '../io/host/directories.ts'
import type { Modality, OpenCodeServerOptions } from '../config/options.ts'
import type { Attachment } from '../api/attachments.ts'
import type { TurnInput } from '../api/turn-input.ts'
import { UsageError } from './exit-codes.ts'
import type { Output } from './output.ts'

/** Name of the variable that holds the proxy's key. */
export const keyVariable = 'OPENCODE_RUNTIME_API_KEY'

/** Flags of `run`, as commander parses them. */
export interface RunFlags {
  home: string
  proxy: string
  model: string
  directory?: string
  agent?: string
  system?: string
  session?: string
  traceId?: string
  deadlineMs?: number
  stallMs?: number
  maxRetries?: number
  permission: 'reject' | 'once' | 'always' | 'ask'
  question?: 'reject' | 'ask'
  binary?: string
  port?: number
  providerId?: string
  attach?: string[]
  json?: boolean
  quiet?: boolean
}

/** Flags of `demo`. */
export interface DemoFlags {
  home?: string
  json?: boolean
  view?: boolean
  listen?: string
  /** False if the browser must not be opened. */
  open?: boolean
}

/** Flags of `doctor`. */
export interface DoctorFlags {
  home?: string
  proxy?: string
  model?: string[]
  port?: number
  hostname?: string
  binary?: string
  directory?: string
  json?: boolean
}

/** Flags of `fleet status`. */
export interface FleetStatusFlags {
  dataDir: string
  json?: boolean
  watch?: boolean
  all?: boolean
}

/** Flags of `serve`. */
export interface ServeFlags {
  config?: string
  listen?: string
  socketMode?: '0600' | '0660'
  drainMs: number
  insecureNoAuth?: boolean
  logLevel: 'debug' | 'info' | 'warn' | 'error'
  json?: boolean
  check?: boolean
  printSchema?: boolean
  demo?: boolean
}

/** Flags of `token list` and `token revoke`. */
export interface TokenFlags {
  dataDir: string
  json?: boolean
}

/** Flags of `webhook-secret`. */
export interface WebhookSecretFlags {
  dataDir: string
  replace?: boolean
}

/** Flags of `cluster nats-config`. */
export interface NatsConfigFlags {
  name: string
  keys: string
  tenant?: string[]
  host?: string[]
  out?: string
  listen: string
  storeDir?: string
  tlsCert?: string
  tlsKey?: string
  tlsCa?: string
  cipher?: 'aes' | 'chachapoly'
  serverName?: string
  routeListen?: string
  routeCa?: string
  route?: string[]
}

/** Flags of `token create`. */
export interface TokenCreateFlags extends TokenFlags {
  scope?: string[]
  agent?: string[]
  tenant?: string
  expires?: string
  id?: string
}

/**
 * Restarts of a server that fails while it starts. The limit is low, because a single turn needs less
 * patience than a long-running service.
 */
const maxRestarts = 1

/** Returns the key from the environment. @throws UsageError if the key is missing; says what to export. */
export function keyFrom(env: NodeJS.ProcessEnv): string {
  const key = env[keyVariable]?.trim() ?? ''
  if (key !== '') return key
  throw new UsageError(
    `no API key: export ${keyVariable}='…' first, with the key for the proxy (no flag carries the key)`,
  )
}

/**
 * Returns the absolute form of a path that a flag gives.
 * @throws UsageError if the path is relative and the working directory was removed.
 */
export function pathFrom(flag: string, path: string): string {
  const absolute = absolutePath(path)
  if (absolute !== undefined) return absolute
  throw new UsageError(`${flag} is relative, but the working directory was removed: give an absolute path`)
}

/** Returns the server's options for the flags of `run`; resolves paths against the working directory. */
export function serverOptions(
  flags: RunFlags,
  apiKey: string,
  attachments: readonly Attachment[],
): OpenCodeServerOptions {
  const { directory, binary, port, providerId } = flags
  const input = modalities(attachments)
  return {
    home: pathFrom('--home', flags.home),
    proxy: { baseURL: flags.proxy, apiKey, ...(providerId !== undefined && { providerId }) },
    models: [{ id: flags.model, ...(input.length > 1 && { input }) }],
    maxRestarts,
    ...(directory !== undefined && { directory: pathFrom('--directory', directory) }),
    ...(binary !== undefined && { binary }),
    ...(port !== undefined && { port }),
  }
}

/** Returns whether the flags of `run` leave answers to a person at the terminal. */
export const asksPerson = ({ permission, question }: RunFlags): boolean =>
  permission === 'ask' || question === 'ask'

/**
 * Checks that a person can answer: the questions go to stderr, and the answers come from stdin.
 * @throws UsageError if a stream is no terminal, or if stdin holds the prompt.
 */
export function checkTerminal(prompt: string | undefined, stdin: { isTTY?: boolean }, err: Output): void {
  const [flag, others] = ['--permission ask or --question ask', 'or choose another answer than ask']
  if (stdin.isTTY !== true || !err.isTTY)
    throw new UsageError(`${flag} needs a terminal for stdin and stderr: run the command on one, ${others}`)
  if (prompt === '-')
    throw new UsageError(`${flag} reads the answers from stdin: give the prompt as an argument, ${others}`)
}

/** Returns the turn's input for the flags of `run`. */
export function turnInput(text: string, flags: RunFlags, attachments: Attachment[]): TurnInput {
  const { agent, system, session, traceId, deadlineMs, stallMs, maxRetries, question } = flags
  return {
    text,
    onPermission: flags.permission,
    ...(question === 'ask' && { onQuestion: question }),
    ...(attachments.length > 0 && { attachments }),
    ...(agent !== undefined && { agent }),
    ...(system !== undefined && { system }),
    ...(session !== undefined && { sessionId: session }),
    ...(traceId !== undefined && { traceId }),
    ...(deadlineMs !== undefined && { deadlineMs }),
    ...(stallMs !== undefined && { stallMs }),
    ...(maxRetries !== undefined && { maxRetries }),
  }
}

/**
 * Returns the modalities to declare for the model: opencode silently drops input of an undeclared modality.
 */
function modalities(attachments: readonly Attachment[]): Modality[] {
  const kinds = attachments.map(({ mime }): Modality => {
    const [type = ''] = mime.split('/')
    if (mime === 'application/pdf') return 'pdf'
    return type === 'image' || type === 'audio' || type === 'video' ? type : 'text'
  })
  return [...new Set<Modality>(['text', ...kinds])]
}

const flagNames: Record<string, string> = {
  home: '--home',
  'proxy.baseURL': '--proxy',
  'proxy.apiKey': keyVariable,
  'proxy.providerId': '--provider-id',
  'models[0].id': '--model',
  'models[0]': '--model',
  directory: '--directory',
  binary: '--binary',
  port: '--port',
  sessionId: '--session',
  text: 'prompt',
}

/** Returns a message about an option or a turn's input, in the command line's words. */
export const inFlags = (message: string): string =>
  message.replace(
    /\b(option|turn input) ([\w.[\]]+)(?=[:,; ])/g,
    (whole, _what, name: string) => flagNames[name] ?? whole,
  )
