/** Durations and counts of a server's lifecycle. */
export interface LifecycleOptions {
  /**
   * Time limit of a start, from spawn to healthy, in ms.
   *
   * @defaultValue 60_000
   * @remarks The first run in a fresh home migrates a database.
   */
  startTimeoutMs?: number
  /**
   * Interval between two probes while the server starts, in ms.
   *
   * @defaultValue 50
   */
  probeIntervalMs?: number
  /**
   * Time limit of a probe, in ms.
   *
   * @defaultValue 2_000
   */
  probeTimeoutMs?: number
  /**
   * Interval between two probes of a healthy server, in ms.
   *
   * @defaultValue 5_000
   */
  healthIntervalMs?: number
  /**
   * Number of consecutive failed probes after which the server counts as wedged.
   *
   * @defaultValue 3
   */
  unhealthyThreshold?: number
  /**
   * Minimum silence of the event stream, in ms, after which a server with a running turn and failed probes
   * counts as wedged.
   *
   * @defaultValue 120_000
   */
  busyGraceMs?: number
  /**
   * Time between SIGTERM and SIGKILL, in ms.
   *
   * @defaultValue 5_000
   */
  stopGraceMs?: number
  /**
   * Maximum number of restarts within `restartWindowMs`.
   *
   * @defaultValue 5
   */
  maxRestarts?: number
  /**
   * Length of the sliding window of the restart budget, in ms.
   *
   * @defaultValue 60_000
   */
  restartWindowMs?: number
  /**
   * First wait before a restart, in ms.
   *
   * @defaultValue 250
   */
  backoffInitialMs?: number
  /**
   * Factor by which the wait grows with each restart.
   *
   * @defaultValue 2
   */
  backoffFactor?: number
  /**
   * Longest wait before a restart, in ms.
   *
   * @defaultValue 30_000
   */
  backoffMaxMs?: number
  /**
   * Time after which a server without turns is stopped, in ms; the next turn starts the server again.
   *
   * @defaultValue 0 (never stopped)
   */
  idleTimeoutMs?: number
  /**
   * Resident memory of the server and of all processes that it started, in MiB, beyond which the server is
   * replaced. A page that processes share counts once for each of them. During the replacement new turns wait
   * and running turns finish.
   *
   * @defaultValue no limit
   * @remarks Observed in opencode: a server takes 300 MiB when ready, and 700 MiB after work.
   */
  memoryLimitMb?: number
  /**
   * Time that running turns get to finish before the server is replaced, in ms. The server is replaced for
   * its memory or by `reconfigure`.
   *
   * @defaultValue `turnDeadlineMs`
   * @remarks The default lets the replacement interrupt no turn.
   */
  drainMs?: number
}
