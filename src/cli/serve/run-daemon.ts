import { InvalidOptionsError } from '../../errors.ts'
import type { ServeConfig } from '../../gateway/config/config-file.ts'
import { addressText } from '../../gateway/config/listen.ts'
import { wireTexts } from '../../gateway/schemas/wire-texts.ts'
import { orAborted } from '../../util/abort-signal.ts'
import { messageOf } from '../../util/messages.ts'
import { exitCode, UsageError } from '../exit-codes.ts'
import type { ServeFlags } from '../flags.ts'
import { Shutdown } from '../shutdown.ts'
import type { Std } from '../std.ts'
import { Daemon, type DaemonOptions } from './daemon.ts'
import { greeting } from './greeting.ts'
import { lineLogger } from './log-lines.ts'
import { readTokens } from '../../gateway/access/token-file.ts'

/** Config of a daemon, and how SIGHUP reads it again. Without `read`, SIGHUP ends the daemon, as SIGTERM does. */
export interface ConfigSource {
  config: ServeConfig
  read?: () => Promise<ServeConfig>
}

/** Additions of a demo to a daemon. */
export interface DaemonDemo {
  /** Returns lines to print after the greeting. */
  lines: (address: string) => readonly string[]
  /** Called when the daemon serves; `ended` aborts when the daemon is asked to end. */
  onStarted?: (address: string, ended: AbortSignal) => void
}

/**
 * Runs a daemon until a signal ends it. Resolves with the exit code when nothing of the daemon is left.
 *
 * @param demo - what to print and to do when the daemon serves
 * @throws UsageError for agents that the fleet refuses
 */
export async function runDaemon(
  { config, read }: ConfigSource,
  flags: ServeFlags,
  std: Std,
  demo: DaemonDemo = { lines: () => [] },
): Promise<number> {
  using shutdown = new Shutdown(process, Date.now, [
    'SIGINT',
    'SIGTERM',
    ...(read ? [] : ['SIGHUP' as const]),
  ])
  using reloads = new Reloads(read !== undefined)
  const options = optionsOf(flags, std)
  const daemon = await started(config, options, std, shutdown)
  if (!daemon) return shutdown.cause === undefined ? exitCode.serverFailed : endOf(shutdown)
  if (read) reloads.attach(() => void daemon.reload(read))
  const { dataDir } = config.fleet
  const { address, agentCount, hostId } = daemon
  const { insecureNoAuth: isOpen } = options
  const { allowedHosts = [] } = config.gateway
  const facts = {
    address,
    agentCount,
    dataDir,
    member: config.cluster && hostId !== undefined ? { cluster: config.cluster.name, hostId } : undefined,
    isOpen,
    hasToken: readTokens(dataDir).length > 0,
    allowedHosts,
  }
  await std.out.write(`${[...greeting(facts), ...demo.lines(addressText(address))].join('\n')}\n`)
  demo.onStarted?.(addressText(address), shutdown.requested)
  await shutdown.whenRequested
  options.logger.info(
    { drainMs: flags.drainMs },
    'ends when the running turns have ended; a second signal ends at once',
  )
  const tell = (): void => options.logger.warn({}, 'ends at once: a second signal has come')
  shutdown.forced.addEventListener('abort', tell)
  await daemon.close(flags.drainMs, shutdown.forced)
  return endOf(shutdown)
}

/** Returns the exit code of a daemon that a signal has ended. */
const endOf = ({ forced, exitCode: ofSignal }: Shutdown): number =>
  forced.aborted ? (ofSignal ?? exitCode.final) : exitCode.final

const optionsOf = (flags: ServeFlags, { err }: Std): DaemonOptions => ({
  logger: lineLogger(err, { level: flags.logLevel, isJson: flags.json === true }),
  insecureNoAuth: flags.insecureNoAuth === true,
  drainMs: flags.drainMs,
})

/**
 * Starts the daemon. Writes the reason of a failed start to stderr, and returns `undefined`; also if a signal has ended the
 * start.
 */
async function started(
  config: ServeConfig,
  options: DaemonOptions,
  std: Std,
  { requested, forced }: Shutdown,
): Promise<Daemon | undefined> {
  const tell = (): void => options.logger.info({}, 'ends before it serves: a signal has come')
  requested.addEventListener('abort', tell)
  try {
    return await orAborted(Daemon.start(config, options, requested), forced)
  } catch (error) {
    if (requested.aborted) {
      // An attempt to connect cannot be ended, and would keep the process.
      std.exits = true
      return undefined
    }
    if (error instanceof InvalidOptionsError) throw new UsageError(wireTexts(error.message), { cause: error })
    await std.err.write(`error: ${wireTexts(messageOf(error))}\n`)
    return undefined
  } finally {
    requested.removeEventListener('abort', tell)
  }
}

/** SIGHUP as a request to read the config again; kept from the start on, because SIGHUP would end the process. */
class Reloads implements Disposable {
  #reload: (() => void) | undefined
  #isMissed = false

  constructor(isOn: boolean) {
    if (isOn) process.on('SIGHUP', this.#onSignal)
  }

  /** Sets what a signal does, and does it for a signal that came earlier. */
  attach(reload: () => void): void {
    this.#reload = reload
    if (this.#isMissed) reload()
  }

  [Symbol.dispose](): void {
    process.off('SIGHUP', this.#onSignal)
  }

  readonly #onSignal = (): void => {
    this.#isMissed = true
    this.#reload?.()
  }
}
