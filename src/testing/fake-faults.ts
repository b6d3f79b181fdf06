/**
 * Faults of a fake opencode, by name. A fake without faults is well-behaved. Faults combine.
 * Durations are in ms. Counts apply to one start: a restarted process counts from zero.
 */
export interface FakeFaults {
  /**
   * Delay between the start of the process and its first action.
   *
   * @defaultValue `0`
   */
  startDelayMs?: number
  /** Exits before it listens, with this exit code and this text on stderr. */
  exitOnStart?: { code: number; stderr?: string }
  /**
   * Never announces that it listens, and keeps the port closed. `'portOpen'`: the port is open and answers.
   */
  neverListens?: boolean | 'portOpen'
  /**
   * Delay between the opening of the port and the announcement.
   *
   * @defaultValue `0`
   */
  announceDelayMs?: number
  /**
   * Listens and announces it, but `GET /global/health` always answers 503. `'unhealthy'`: 200 with `healthy:
   * false`. `'html'`: every request gets 200 and a web page.
   */
  neverHealthy?: boolean | 'unhealthy' | 'html'
  /**
   * Reports healthy, but `/config`, `/event` and `/session` answer 400, as opencode does with a broken
   * project config.
   */
  configBroken?: boolean
  /**
   * Number of connections that are accepted and never answered after the announcement (`true`: 1), in
   * addition to all connections before it. opencode loses early connections in the same way.
   */
  loseFirstRequest?: boolean | number
  /** Delay between the first health answer and the crash. */
  crashAfterMs?: number
  /**
   * Number of session events after which the process crashes. The last of them still arrives; nothing after
   * it does.
   */
  crashAfterEvents?: number
  /**
   * Exit code of a crash, or the signal that kills the process.
   *
   * @defaultValue `1`
   */
  crashWith?: number | 'SIGKILL'
  /** Ignores SIGTERM, SIGINT and SIGHUP. A number: ignores that many of the first SIGTERMs. */
  ignoreSigterm?: boolean | number
  /**
   * Output volume in MB, on stdout and stderr each. Half comes before the process listens and half after.
   * Half of the output has no line ends.
   */
  outputFlood?: number
  /** Delay between the first health answer and silence: no answer, no frame, and every socket stays open. */
  wedgeAfterMs?: number
  /**
   * Duration of the silence of `wedgeAfterMs`. The output held back then comes in a burst.
   *
   * @defaultValue forever
   */
  wedgeForMs?: number
  /** Silences only health in `wedgeAfterMs`; turns go on. */
  wedgeHealthOnly?: boolean
  /**
   * Number of session events after which every event stream is cut, once. Events until a stream is open again
   * are lost.
   */
  cutStreamAfterEvents?: number
  /** Sends every session event twice, with the same id. */
  duplicateFrames?: boolean
  /**
   * Swaps each two neighbouring session events, except pairs that only make sense in order: pieces of one
   * part, and the first events of a message or a request.
   */
  reorderFrames?: boolean
  /** Sends a second error with a stack after a turn's idle, as opencode does after an unknown model. */
  trailingError?: boolean
  /** Sends busy and idle once more after a turn's idle, as opencode does after an abort. */
  busyAfterIdle?: boolean
  /**
   * Message of a `session.error` that answers a prompt. Nothing else is sent, neither busy nor idle, as with
   * an unknown agent.
   */
  errorWithoutIdle?: string
  /**
   * Interval between two heartbeats of an event stream.
   *
   * @defaultValue `10_000`, as opencode
   */
  heartbeatMs?: number
  /**
   * Delay between the opening of an event stream and its first reported event.
   *
   * @defaultValue `20`
   */
  deafStreamMs?: number
  /**
   * Number of times that the directory in the header `x-opencode-directory` is decoded: 2, like the directory
   * in a query, or 0, like an opencode that decodes no header.
   *
   * @defaultValue `1`, as opencode
   */
  headerDecodes?: number
  /**
   * Version that `--version` and health report.
   *
   * @defaultValue the newest version of opencode that this package was tested with
   */
  version?: string
}

/** All fault names, so that a misspelt name is rejected instead of silently ignored. */
const names: Record<keyof FakeFaults, true> = {
  startDelayMs: true,
  exitOnStart: true,
  neverListens: true,
  announceDelayMs: true,
  neverHealthy: true,
  configBroken: true,
  loseFirstRequest: true,
  crashAfterMs: true,
  crashAfterEvents: true,
  crashWith: true,
  ignoreSigterm: true,
  outputFlood: true,
  wedgeAfterMs: true,
  wedgeForMs: true,
  wedgeHealthOnly: true,
  cutStreamAfterEvents: true,
  duplicateFrames: true,
  reorderFrames: true,
  trailingError: true,
  busyAfterIdle: true,
  errorWithoutIdle: true,
  heartbeatMs: true,
  deafStreamMs: true,
  headerDecodes: true,
  version: true,
}

/**
 * Checks the names of faults.
 *
 * @internal
 * @throws TypeError for an unknown name. The message gives the name and the known names.
 */
export function checkFaults(faults: readonly FakeFaults[]): void {
  for (const name of faults.flatMap((each) => Object.keys(each)))
    if (!Object.hasOwn(names, name))
      throw new TypeError(
        `Unknown fault of fakeOpenCode: ${name}. Known faults: ${Object.keys(names).join(', ')}`,
      )
}
