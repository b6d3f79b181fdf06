import type { BinaryLookup } from '../../io/opencode/binary.ts'
import { noServer, serverEnvironment } from '../../io/opencode/environment.ts'
import { secretsInURL } from '../../config/secret-texts.ts'
import { Secrets } from '../../config/secrets.ts'
import { keyVariable, pathFrom, type DoctorFlags } from '../flags.ts'
import type { Finding } from './finding.ts'

/** Input of the checks. Paths are absolute. */
export interface DoctorContext {
  home: string | undefined
  /** Proxy URL as given by the user. */
  proxy: string | undefined
  models: readonly string[]
  port: number | undefined
  hostname: string
  binary: string | undefined
  directory: string | undefined
  apiKey: string | undefined
  /** Environment of this process. */
  env: NodeJS.ProcessEnv
  /** Environment of a server that is started from here. */
  serverEnv: Record<string, string>
  platform: NodeJS.Platform
  nodeVersion: string
  /** User id; `undefined` on a platform without users. */
  uid: number | undefined
  lookup: BinaryLookup
  /** Time limit of the proxy's answer, in ms. */
  timeLimitMs: number
  secrets: Secrets
  signal: AbortSignal
}

/** Check of one thing; changes nothing. A rejection counts as a failure. */
export type Check = (context: DoctorContext) => Finding[] | Promise<Finding[]>

const timeLimitMs = 10_000

/** Returns the context of a run. */
export function contextOf(flags: DoctorFlags, env: NodeJS.ProcessEnv, signal: AbortSignal): DoctorContext {
  const { home, proxy, model = [], port, hostname = '127.0.0.1', binary, directory } = flags
  const key = env[keyVariable]?.trim() ?? ''
  const absoluteHome = home === undefined ? undefined : pathFrom('--home', home)
  return {
    home: absoluteHome,
    proxy: proxy?.trim(),
    models: model,
    port,
    hostname,
    binary,
    directory: directory === undefined ? undefined : pathFrom('--directory', directory),
    apiKey: key === '' ? undefined : key,
    env,
    serverEnv: serverEnvironment({ ...noServer, home: absoluteHome ?? '/', inherited: env }),
    platform: process.platform,
    nodeVersion: process.versions.node,
    uid: process.getuid?.(),
    lookup: {},
    timeLimitMs,
    secrets: secretsOf(key, [
      proxy,
      env['http_proxy'],
      env['HTTP_PROXY'],
      env['https_proxy'],
      env['HTTPS_PROXY'],
    ]),
    signal,
  }
}

/** Returns the key and the secrets in the URLs, as written and decoded. */
function secretsOf(key: string, urls: readonly (string | undefined)[]): Secrets {
  const secrets = new Secrets([key])
  for (const text of urls) for (const part of secretsInURL(text ?? '')) secrets.add(part)
  return secrets
}
