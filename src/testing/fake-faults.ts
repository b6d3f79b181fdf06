/**
 * What a fake opencode does wrong, by name; without any it is well-behaved. Faults combine. Every duration is in ms, every
 * count is of one start: a process that is started again counts anew.
 */
export interface FakeFaults {
  /** How long it does nothing after it was started. Default: 0. */
  startDelayMs?: number
  /** It ends before it listens, with this exit code and these last words on stderr. */
  exitOnStart?: { code: number; stderr?: string }
  /** It never says that it listens, and its port stays closed; `'portOpen'`: the port is open and answers all the same. */
  neverListens?: boolean | 'portOpen'
  /** How long the port is open before it says so. Default: 0. */
  announceDelayMs?: number
  /**
   * It listens and says so, but `GET /global/health` answers 503 for ever; `'unhealthy'`: 200 with `healthy: false`;
   * `'html'`: every request gets 200 and a web page.
   */
  neverHealthy?: boolean | 'unhealthy' | 'html'
  /** Health is fine, but `/config`, `/event` and `/session` answer 400: what opencode does with a broken project config. */
  configBroken?: boolean
  /**
   * Connections that are accepted and never answered: those before it says that it listens, and so many of the first after
   * it (`true`: 1). The real server loses every connection of its first half second (opencode 1.18.33).
   */
  loseFirstRequest?: boolean | number
  /** It ends this long after its first answer of health. */
  crashAfterMs?: number
  /** It ends once so many events of sessions were sent; the last of them still arrives, and nothing after it. */
  crashAfterEvents?: number
  /** How it crashes: with an exit code, or killed. Default: 1. */
  crashWith?: number | 'SIGKILL'
  /** SIGTERM, SIGINT and SIGHUP do nothing; a number: so many of the first SIGTERMs. */
  ignoreSigterm?: boolean | number
  /** It writes so many MB to stdout and as many to stderr, half before it listens and half after, half of it without a line's end. */
  outputFlood?: number
  /** It falls silent this long after its first answer of health: no answer, no frame, and every socket stays open. */
  wedgeAfterMs?: number
  /** It wakes from `wedgeAfterMs` after so long, and what it kept back comes in a burst. Default: never. */
  wedgeForMs?: number
  /** Only health falls silent in `wedgeAfterMs`; turns go on. */
  wedgeHealthOnly?: boolean
  /** Every event stream is cut, once, when so many events of sessions were sent; nobody hears what happens until a stream is open again. */
  cutStreamAfterEvents?: number
  /** Every event of a session is sent twice, with the same id. */
  duplicateFrames?: boolean
  /**
   * Each two neighbouring events of a session change places, but for two that only make sense in order: pieces of one
   * part, and what a message or a request begins with.
   */
  reorderFrames?: boolean
  /** After a turn's idle comes a second error, with a stack: what opencode does after an unknown model. */
  trailingError?: boolean
  /** After a turn's idle the session is busy and idle once more, as it is after an abort. */
  busyAfterIdle?: boolean
  /** A prompt gets a `session.error` with this message and nothing else: neither busy nor idle, as with an unknown agent. */
  errorWithoutIdle?: string
  /** Between two heartbeats of an event stream. Default: 10 000, as the real one. */
  heartbeatMs?: number
  /** How long a new event stream is open before it tells what happens. Default: 20. */
  deafStreamMs?: number
  /**
   * Number of times that the directory in the header `x-opencode-directory` is decoded: 2, like the one in a query, or 0,
   * like an opencode that decodes no header. Default: 1, like the real one.
   */
  headerDecodes?: number
  /** What `--version` and health say. Default: 1.18.33. */
  version?: string
}

/** Every name, so that a misspelt one is not a fault that silently never happens. */
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
 * Refuses what is no fault.
 * @throws TypeError that names it, and what there is.
 */
export function checkFaults(faults: readonly FakeFaults[]): void {
  for (const name of faults.flatMap((each) => Object.keys(each)))
    if (!Object.hasOwn(names, name))
      throw new TypeError(`fakeOpenCode knows no fault ${name}; there are: ${Object.keys(names).join(', ')}`)
}
