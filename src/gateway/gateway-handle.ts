/** Options of {@link Gateway.close}. */
export interface GatewayCloseOptions {
  /**
   * Time for running turns of the gateway to end, in ms.
   *
   * @defaultValue `0`
   */
  drainMs?: number
}

/** HTTP interface of a fleet. */
export interface Gateway extends AsyncDisposable {
  /**
   * Answers a request. May be passed on as it is, because it does not use `this`.
   *
   * @param request - The request.
   * @param connection - What the server knows of the connection: `{ address }`, the bindings of `@hono/node-server`, or
   * the server of Bun. The address of the client is read from it.
   * @returns The answer. Never rejects.
   */
  readonly fetch: (request: Request, connection?: unknown) => Promise<Response>
  /**
   * Resolves when the gateway can run turns. Rejects with the error of the fleet or of the store of turns; the gateway
   * then still answers what needs neither.
   */
  readonly ready: Promise<void>
  /**
   * Refuses new turns, lets running ones end, and closes the store. The fleet stays open.
   *
   * @param options - Time for running turns to end.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option, before any change.
   */
  readonly close: (options?: GatewayCloseOptions) => Promise<void>
}
