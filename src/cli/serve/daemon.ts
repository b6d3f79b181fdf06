import { Fleet } from '../../api/fleet/fleet.ts'
import type { Logger } from '../../config/server-options.ts'
import { ConfigFileError } from '../../gateway/config/config-error.ts'
import type { ServeConfig } from '../../gateway/config/config-file.ts'
import type { ListenAddress } from '../../gateway/config/listen.ts'
import { createGateway, type Gateway } from '../../gateway/index.ts'
import { changeSettings, endDrain } from '../../gateway/settings.ts'
import { wireTexts } from '../../gateway/schemas/wire-texts.ts'
import { orAborted } from '../../util/abort-signal.ts'
import { messageOf } from '../../util/messages.ts'
import { applyAgents, type Applied } from './apply-config.ts'
import type { ClusterMember } from './cluster-member.ts'
import { changedFields } from './changed-fields.ts'
import { listen, type Listener } from './listener.ts'
import { StartLog } from './start-log.ts'

/** Options of a daemon beside its config file. */
export interface DaemonOptions {
  logger: Logger
  /** True to serve every caller without a token. */
  insecureNoAuth: boolean
  /** Time for running turns to end, in ms. */
  drainMs: number
}

/** Fleet and gateway of a config file, which listen on an address. */
export class Daemon {
  #config: ServeConfig
  readonly #options: DaemonOptions
  readonly #fleet: Fleet
  #gateway: Gateway | undefined
  #member: ClusterMember | undefined
  #listener: Listener | undefined
  /** Promise of the last change of the config; changes run one after another. */
  #changes: Promise<void> = Promise.resolve()
  #isClosing = false

  private constructor(config: ServeConfig, options: DaemonOptions) {
    this.#config = config
    this.#options = options
    this.#fleet = new Fleet({ ...config.fleet, logger: options.logger })
  }

  /**
   * Starts a daemon: opens the store, declares the agents, and listens. A failed start leaves nothing.
   *
   * @param signal - ends the start when it aborts
   * @throws the error of the fleet, of the gateway or of the address; any error after the signal has aborted
   */
  static async start(config: ServeConfig, options: DaemonOptions, signal: AbortSignal): Promise<Daemon> {
    const daemon = new Daemon(config, options)
    try {
      await daemon.#open(signal)
      return daemon
    } catch (error) {
      await daemon.close(0)
      throw error
    }
  }

  /** Address that the daemon listens on. */
  get address(): ListenAddress {
    return this.#listener?.address ?? this.#config.listen
  }

  /** Number of the agents, also of those that the file does not name. */
  get agentCount(): number {
    return this.#fleet.status.agents.length
  }

  /** Name of the host in its cluster; `undefined` without a cluster. */
  get hostId(): string | undefined {
    return this.#member?.host.id
  }

  async #open(signal: AbortSignal): Promise<void> {
    const { listen: address, socketMode, gateway: settings } = this.#config
    const { insecureNoAuth, drainMs } = this.#options
    const log = new StartLog(this.#options.logger)
    await orAborted(this.#fleet.ready, signal)
    const cluster = await this.#join(signal)
    const listening = 'path' in address ? {} : { listenHost: address.host }
    const gateway = createGateway({
      ...{ fleet: this.#fleet, insecureNoAuth, logger: log.logger },
      ...listening,
      ...cluster,
      ...settings,
    })
    this.#gateway = gateway
    await orAborted(gateway.ready, signal)
    log.release()
    if (!cluster) await this.#apply(drainMs)
    signal.throwIfAborted()
    this.#listener = await listen(address, socketMode, gateway.fetch)
  }

  /** Joins the cluster of the config, with the agents of the config; `undefined` without a cluster. */
  async #join(signal: AbortSignal): Promise<Pick<ClusterMember, 'host' | 'cluster'> | undefined> {
    const { cluster } = this.#config
    if (!cluster) return undefined
    await this.#apply(this.#options.drainMs)
    // Only a daemon of a cluster loads the cluster.
    const { ClusterMember } = await import('./cluster-member.ts')
    const { logger } = this.#options
    const member = await ClusterMember.join(this.#fleet, cluster, { signal, logger })
    this.#member = member
    signal.throwIfAborted()
    return { host: member.host, cluster: member.cluster }
  }

  async #apply(drainMs: number): Promise<void> {
    this.#tell('config applied', await applyAgents(this.#fleet, this.#config, drainMs))
  }

  /** Reads the config again and applies what can change while agents run. A bad file is told, and changes nothing. */
  reload(read: () => Promise<ServeConfig>): Promise<void> {
    this.#changes = this.#changes.then(() => this.#reload(read))
    return this.#changes
  }

  async #reload(read: () => Promise<ServeConfig>): Promise<void> {
    if (this.#isClosing) return
    const { logger, drainMs } = this.#options
    try {
      const changed = await read()
      const { now, later } = changedFields(this.#config, changed)
      if (later.length > 0) logger.warn({ fields: later }, 'changed fields of the config need a restart')
      // The records of this data folder, also if the file names another one for the next start.
      const config = { ...this.#config, agents: changed.agents, gateway: changed.gateway }
      const applied = await applyAgents(this.#fleet, config, drainMs)
      if (this.#gateway) changeSettings(this.#gateway, config.gateway)
      this.#config = config
      this.#tell('config applied', { ...applied, fields: now })
    } catch (error) {
      const what = error instanceof ConfigFileError ? `\n${error.message}` : ` ${wireTexts(messageOf(error))}`
      logger.error({}, `the changed config is not used:${what}`)
    }
  }

  #tell(message: string, { added, changed, removed, fields = [] }: Applied & { fields?: string[] }): void {
    const lists = Object.entries({ added, changed, removed, fields }).filter(([, names]) => names.length > 0)
    this.#options.logger.info(Object.fromEntries(lists), message)
  }

  /**
   * Refuses new turns, lets running ones end, and closes everything.
   *
   * @param forced - ends the wait for running turns when it aborts
   */
  async close(drainMs = this.#options.drainMs, forced?: AbortSignal): Promise<void> {
    this.#isClosing = true
    const drained = Promise.all([this.#gateway?.close({ drainMs }), this.#member?.drain(drainMs)])
    forced?.addEventListener('abort', () => this.#end(), { once: true })
    await drained
    await this.#listener?.close()
    await this.#member?.close()
    await this.#fleet.close()
    await this.#changes
  }

  /** Ends all turns of this host at once. Those of other hosts of a cluster go on, and are not waited for. */
  #end(): void {
    if (this.#member && this.#gateway) {
      void this.#member.drain(0)
      void endDrain(this.#gateway)
    }
    void this.#fleet.close()
  }
}
