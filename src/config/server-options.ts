import type { HostTool } from './host-tool.ts'
import type { LifecycleOptions } from './lifecycle-options.ts'
import type { ModelOptions, ProxyOptions } from './provider-options.ts'
import type { TurnDefaults } from './turn-options.ts'

/** Receiver of the log (docs/reference/observability.md); pino, console and most other loggers have this shape. */
export interface Logger {
  /**
   * Logs a line of the level `debug`.
   *
   * @param fields - The facts of the line, secrets masked.
   * @param message - The line.
   */
  debug(fields: object, message: string): void
  /**
   * Logs a line of the level `info`.
   *
   * @param fields - The facts of the line, secrets masked.
   * @param message - The line.
   */
  info(fields: object, message: string): void
  /**
   * Logs a line of the level `warn`.
   *
   * @param fields - The facts of the line, secrets masked.
   * @param message - The line.
   */
  warn(fields: object, message: string): void
  /**
   * Logs a line of the level `error`.
   *
   * @param fields - The facts of the line, secrets masked.
   * @param message - The line.
   */
  error(fields: object, message: string): void
}

/**
 * Function that returns the command to run instead of a server's own, such as a sandbox that runs the own
 * command inside.
 *
 * @param argv - Own command: the path of the binary, and its arguments.
 * @param env - Variables of the command. They hold the server's password.
 * @returns the program and its arguments; the program is searched on `PATH`.
 */
export type SpawnWrapper = (
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
) => readonly string[]

/** Options of `OpenCodeServer`. */
export interface OpenCodeServerOptions extends TurnDefaults, LifecycleOptions {
  /**
   * Absolute path of the server's home, which holds config, data, cache and log. Each server needs a home of
   * its own.
   */
  home: string
  /** OpenAI-compatible endpoint of the models, and its key. */
  proxy: ProxyOptions
  /** Models of the server, at least one; the first model is the default. */
  models: (string | ModelOptions)[]
  /**
   * Port of the server.
   *
   * @defaultValue a free port, chosen anew for each spawn
   */
  port?: number
  /**
   * Host name or address on which the server listens.
   *
   * @defaultValue `127.0.0.1`
   */
  hostname?: string
  /**
   * User name of the server's API.
   *
   * @defaultValue `opencode`
   */
  username?: string
  /**
   * Password of the server's API; `false` disables the password and is allowed on loopback only.
   *
   * @defaultValue a random password, new for each spawn
   */
  password?: string | false
  /**
   * Name or path of the opencode binary.
   *
   * @defaultValue the binary of the project's package `opencode-ai`, on PATH, or in `~/.opencode/bin`
   */
  binary?: string
  /**
   * Absolute path of the agent's working directory. The directory must exist; only the default directory is
   * created.
   *
   * @defaultValue `{home}/workspace`
   */
  directory?: string
  /** Additional variables of the server's environment. */
  env?: Record<string, string>
  /**
   * Additional opencode config, merged under the config that this package writes. opencode replaces
   * `{env:NAME}` and `{file:path}` in the config, except in the provider of the option `proxy`.
   */
  config?: Record<string, unknown>
  /**
   * Receiver of the log.
   *
   * @defaultValue no log
   */
  logger?: Logger
  /**
   * Functions of this process that the agent can call as tools, by name: made by `hostTool()`. A name has 1 to
   * 58 letters, digits, `_` and `-`; the model sees it with the prefix `host_`.
   *
   * @defaultValue no host tools
   */
  hostTools?: Readonly<Record<string, HostTool>>
  /**
   * Preparation of the first turn: a healthy server loads in advance what its first turn needs, so that the
   * first turn does not wait.
   *
   * @defaultValue true
   */
  warmUp?: boolean
  /**
   * Trust in the project's own config: if true, opencode loads the config of the agent's directory,
   * `opencode.json` and `.opencode` with its plugins. Plugins run as your user, with the agent's key, and can
   * send the key anywhere.
   *
   * @defaultValue false
   */
  trustProjectConfig?: boolean
  /**
   * User id of the server and of all its commands, 1 or more; needs a host that runs as root on Linux. One uid
   * is one trust domain: agents with one uid can read each other's homes and keys. The home must belong to this
   * user; a home that is missing or empty is made so. See docs/guides/isolating-tenants.md.
   *
   * @defaultValue the user of the host
   */
  uid?: number
  /**
   * Group id of the server and of all its commands, 1 or more; needs `uid`. The processes are in no other
   * group.
   *
   * @defaultValue the number of `uid`
   */
  gid?: number
  /**
   * Function that returns the command to run instead of the server's own, for example a sandbox: bubblewrap,
   * systemd-run, a container. One uid is one trust domain, unless a sandbox separates its agents. The sandbox must
   * share the host's network, pass the variables on, show the home and the directory at their own paths, and end
   * with its first process. The function is called before each start. See docs/guides/isolating-tenants.md.
   *
   * @defaultValue the server's own command
   */
  spawn?: SpawnWrapper
}

/** Options that may change while the server lives; an omitted option keeps its value. */
export interface ReconfigureOptions {
  /** New endpoint, key or name; an omitted field keeps its value. */
  proxy?: Partial<ProxyOptions>
  /** New models; the list replaces the old list. */
  models?: OpenCodeServerOptions['models']
  /** New variables; the record replaces the old record. */
  env?: Record<string, string>
  /** New opencode config; the config replaces the old config. */
  config?: Record<string, unknown>
  /** New host tools; the record replaces the old record. */
  hostTools?: Readonly<Record<string, HostTool>>
}
