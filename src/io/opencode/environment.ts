import { join } from 'node:path'
import { shellProblem } from '../host/shell.ts'
import { tempFolder } from '../home/temp-folder.ts'
import { portVariable, tokenVariable } from './host-plugin-text.ts'

/** Input of a server's environment. */
export interface EnvironmentInput {
  home: string
  username: string
  password: string | undefined
  /** Marker of this spawn, by which all processes that it started can be found. */
  marker: string
  /**
   * Variables that the user set. They override all others, except those that keep the server in its home and
   * behind its password.
   */
  env: Record<string, string>
  /** True if a project's own config is loaded. */
  trustProjectConfig: boolean
  /** Endpoint of the host tools, for the generated plugin. */
  hostTools?: { port: number; token: string } | undefined
  inherited?: NodeJS.ProcessEnv
  /** True if the server runs as another user than the host. */
  isOtherUser?: boolean
}

/** Variable that carries a spawn's marker, in the server and in all processes that it starts. */
export const markerVariable = 'OPENCODE_RUNTIME_SPAWN'

/** Server-specific input for a program that is no server. */
export const noServer = { username: '', password: undefined, marker: '', env: {}, trustProjectConfig: false }

/** Variables that are inherited unchanged. All other variables of the host are left out. */
const inheritedNames =
  /^(PATH|LANG|LANGUAGE|LC_\w+|TZ|TERM|COLORTERM|SHELL|USER|LOGNAME|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|(https?|all|no)_proxy|SystemRoot|SystemDrive|windir|ComSpec|PATHEXT|NUMBER_OF_PROCESSORS)$/i

/** Names of the host's user, which are wrong for another user. */
const userNames = /^(USER|LOGNAME)$/i

const loopbackNames = ['127.0.0.1', 'localhost', '::1', '[::1]']

/**
 * Returns the environment of a server:
 * - Of the host's variables only those that a program needs, because the others may hold the host's secrets.
 * - Home and all XDG folders in `home`.
 * - A project's own config only if it is trusted, because it could send the host's key to an address of its
 *   own.
 * - No HTTP proxy for loopback, because the model call and its key would go to the proxy.
 * - No name of the host's user, if the server runs as another user.
 * - No `SHELL` that runs no commands, from the host or from the option `env`.
 * @remarks Observed in opencode 1.18.33: the bash tool runs `$SHELL -c …` without a check. With `nologin`,
 *   `false` or `true` every command does nothing and is reported as completed. Without `SHELL` the tool takes
 *   the `bash` on `PATH`, or `/bin/sh`, whatever the user database says.
 */
export function serverEnvironment(input: EnvironmentInput): Record<string, string> {
  const { home, username, password, marker, env, trustProjectConfig, hostTools } = input
  const { inherited = process.env, isOtherUser = false } = input
  const kept = Object.entries(inherited).filter(
    ([name]) => inheritedNames.test(name) && !(isOtherUser && userNames.test(name)),
  )
  const temp = tempFolder(home)
  const base: Record<string, string> = {
    ...(Object.fromEntries(kept) as Record<string, string>),
    ...quiet,
    TMPDIR: temp,
    ...(process.platform === 'win32' && { TEMP: temp, TMP: temp }),
    ...env,
  }
  // If this package sets no password, the server has none: the user's password would lock this package out.
  delete base['OPENCODE_SERVER_PASSWORD']
  // With a shell that runs no commands, each command of the agent would do nothing and be reported as a
  // success.
  if (shellProblem(base['SHELL'] ?? '', base['PATH']) !== undefined) delete base['SHELL']
  return {
    ...base,
    ...withoutProxy(base),
    ...(!trustProjectConfig && { OPENCODE_DISABLE_PROJECT_CONFIG: '1' }),
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_DATA_HOME: join(home, '.local', 'share'),
    XDG_STATE_HOME: join(home, '.local', 'state'),
    XDG_CACHE_HOME: join(home, '.cache'),
    [markerVariable]: marker,
    ...(hostTools && { [portVariable]: String(hostTools.port), [tokenVariable]: hostTools.token }),
    ...(process.platform === 'win32' && { USERPROFILE: home }),
    ...(password !== undefined && { OPENCODE_SERVER_USERNAME: username, OPENCODE_SERVER_PASSWORD: password }),
  }
}

/** Variables for determinism, not for speed: none made the start measurably faster. */
const quiet = {
  OPENCODE_DISABLE_AUTOUPDATE: '1',
  OPENCODE_DISABLE_MODELS_FETCH: '1',
  OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
}

function withoutProxy(env: Record<string, string>): Record<string, string> {
  const listed = [env['NO_PROXY'], env['no_proxy']]
    .flatMap((hosts = '') => hosts.split(','))
    .map((host) => host.trim())
  const hosts = [...new Set([...listed, ...loopbackNames])].filter((host) => host !== '').join(',')
  return { NO_PROXY: hosts, no_proxy: hosts }
}
