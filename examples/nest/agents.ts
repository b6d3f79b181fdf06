import { Inject, Injectable, Logger, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common'
import { OpenCodeServer, type OpenCodeServerOptions } from 'opencode-runtime'

/** Token of the options of {@link Agents}. */
export const AGENT_OPTIONS = Symbol('AGENT_OPTIONS')

export interface AgentOptions {
  opencode: OpenCodeServerOptions
  /** Time that running turns get to finish when the application shuts down, in ms. */
  drainMs: number
}

/** Provider that owns the opencode server: one per process, with the life of the application. */
@Injectable()
export class Agents implements OnModuleInit, BeforeApplicationShutdown {
  readonly server: OpenCodeServer
  readonly #drainMs: number
  readonly #logger = new Logger(Agents.name)

  /** Creates the server; starts no process. An invalid option ends the start of the application. */
  constructor(@Inject(AGENT_OPTIONS) { opencode, drainMs }: AgentOptions) {
    this.server = new OpenCodeServer(opencode)
    this.#drainMs = drainMs
  }

  /** Starts the process without waiting for it, so that the application listens also while opencode cannot start. */
  onModuleInit(): void {
    this.server.lifecycle$.subscribe(({ state, reason = '', error }) =>
      this.#logger.log(`opencode ${state} ${error?.message ?? reason}`),
    )
    this.server.ensureRunning().catch(() => undefined) // `lifecycle$` told why
  }

  /**
   * Ends the server before Nest closes its HTTP server. In `onApplicationShutdown` it would be too late: Nest first
   * waits for all responses, and a response lasts as long as its turn.
   */
  async beforeApplicationShutdown(): Promise<void> {
    await this.server.stop({ drainMs: this.#drainMs })
    await this.server.close()
  }
}
