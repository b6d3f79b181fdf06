import type { Logger } from '../../config/server-options.ts'

/**
 * Log of a gateway that starts. Errors wait until the start has succeeded: the error of a start that fails is told once,
 * by the command.
 */
export class StartLog {
  readonly logger: Logger
  #waiting: (() => void)[] | undefined = []

  /** @param logger - log of the daemon */
  constructor(logger: Logger) {
    this.logger = {
      ...logger,
      error: (fields: object, message: string) => {
        const write = (): void => logger.error(fields, message)
        if (this.#waiting) this.#waiting.push(write)
        else write()
      },
    }
  }

  /** Writes the errors that wait, and all later ones at once. */
  release(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const write of waiting) write()
  }
}
