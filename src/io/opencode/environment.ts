import { join } from 'node:path'
import { shellProblem } from '../host/shell.ts'
import { tempFolder } from '../home/temp-folder.ts'

/** What a server's environment is built from. */
export interface EnvironmentInput {
  home: string
  username: string
  password: string | undefined
  /** What marks this spawn, so that everything it started can be found. */
  marker: string
  /** The user's own variables: they win, but over what keeps the server in its home and behind its password. */
  env: Record<string, string>
  /** Whether a project's own config is loaded. */
  trustProjectConfig: boolean
  inherited?: NodeJS.ProcessEnv
}

/** The variable that carries a spawn's marker, in the server and in all that it starts. */
export const markerVariable = 'OPENCODE_RUNTIME_SPAWN'

/** For a program that is no server: what only a server's environment needs to be told. */
export const noServer = { username: '', password: undefined, marker: '', env: {}, trustProjectConfig: false }

/** Inherited as they are; everything else of the host's stays with the host. */
const inheritedNames =
  /^(PATH|LANG|LANGUAGE|LC_\w+|TZ|TERM|COLORTERM|SHELL|USER|LOGNAME|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|(https?|all|no)_proxy|SystemRoot|SystemDrive|windir|ComSpec|PATHEXT|NUMBER_OF_PROCESSORS)$/i

const loopbackNames = ['127.0.0.1', 'localhost', '::1', '[::1]']

/**
 * Builds the environment of a server: what a program needs of the host's, nothing that may hold its secrets; its
 * home and all XDG folders in `home`; a project's own config only where it is trusted, since it could send the host's
 * key to an address of its own; loopback never through a proxy, else the model call and its key go there; no `SHELL` that
 * runs no commands, from the host or from the option `env`.
 */
export function serverEnvironment(input: EnvironmentInput): Record<string, string> {
  const { home, username, password, marker, env, trustProjectConfig, inherited = process.env } = input
  const kept = Object.entries(inherited).filter(([name]) => inheritedNames.test(name))
  const temp = tempFolder(home)
  const base: Record<string, string> = {
    ...(Object.fromEntries(kept) as Record<string, string>),
    ...quiet,
    TMPDIR: temp,
    ...(process.platform === 'win32' && { TEMP: temp, TMP: temp }),
    ...env,
  }
  // Without a password of ours there is none: one of the user's would lock us out.
  delete base['OPENCODE_SERVER_PASSWORD']
  // With a shell that runs no commands, each command of the agent would do nothing and be reported as a success.
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
    ...(process.platform === 'win32' && { USERPROFILE: home }),
    ...(password !== undefined && { OPENCODE_SERVER_USERNAME: username, OPENCODE_SERVER_PASSWORD: password }),
  }
}

/** For determinism, not for speed (none made the start measurably faster). */
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
