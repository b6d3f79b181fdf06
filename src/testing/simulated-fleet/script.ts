/** Prompt that a simulated server has received. */
export interface SimulatedPrompt {
  /** Id of the agent whose server has the prompt. */
  agentId: string
  sessionId: string
  /** Text of the turn. */
  text: string
}

/** Reply of a simulated server to a prompt. */
export interface SimulatedReply {
  /**
   * Text of the answer.
   *
   * @defaultValue `'ok'`
   */
  text?: string
  /**
   * Time until the answer, in ms; `Infinity` until the test calls `answer` of the server.
   *
   * @defaultValue `1000`
   */
  afterMs?: number
  /** Permission that the server requests before the answer; the time until the answer begins with the reply. */
  permission?: string
}

/** Behaviour of a simulated server. A test may change each value at any moment. */
export interface SimulatedBehaviour {
  /**
   * Time from the spawn until the server listens, in ms; `Infinity` until the test calls `listen`.
   *
   * @defaultValue `2000`
   */
  startMs: number
  /**
   * Time from the first SIGTERM until the process ends, in ms; `Infinity` until the test calls `exit`.
   *
   * @defaultValue `0`
   */
  endMs: number
  /**
   * Memory of the running server, in MiB; `undefined` if it cannot be measured.
   *
   * @defaultValue `undefined`
   */
  memoryMb: number | undefined
  /**
   * Error of each preparation of a start; `undefined` if the preparation succeeds.
   *
   * @defaultValue `undefined`
   */
  prepareError: Error | undefined
  /**
   * Time of a request that belongs to no turn, such as the list of sessions, in ms.
   *
   * @defaultValue `0`
   */
  requestMs: number
  /**
   * True for a server that answers no health probe.
   *
   * @defaultValue `false`
   */
  isHanging: boolean
}

/** Values of a server for which the test sets nothing else. */
export const usualBehaviour: SimulatedBehaviour = {
  startMs: 2_000,
  endMs: 0,
  memoryMb: undefined,
  prepareError: undefined,
  requestMs: 0,
  isHanging: false,
}

/** Function that replies to the prompts of a simulated fleet; a text is an answer after one second. */
export type SimulatedScript = (prompt: SimulatedPrompt) => SimulatedReply | string | undefined
