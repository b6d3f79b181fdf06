import { execa } from 'execa'
import { HostFaultError, ServerExitedError } from '../../errors.ts'
import { secretOptions, type CompiledOptions } from '../../config/compiled-options.ts'
import { secretTexts } from '../../config/secret-texts.ts'
import { requireDescriptors } from '../host/descriptors.ts'
import { serverEnvironment } from '../opencode/environment.ts'
import { isListeningLine } from '../opencode/listening-line.ts'
import { asHostFault } from '../host/host-fault.ts'
import { retryUntilDone } from '../../util/in-background.ts'
import { killLeftovers, signalGroup, type GroupSignal } from './processes.ts'
import { openServeLog } from './serve-log.ts'
import { removeRecord, writeRecord } from '../home/server-record.ts'
import type { SpawnPlan } from './spawn-plan.ts'
import { startWatcher } from './watcher.ts'
import { firstLine } from '../../util/messages.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'

/** Events of a server's process. */
export interface ProcessEvents {
  onListening(): void
  /** Called exactly once: when the process exits, or when it could not be started. */
  onExit(error: ServerExitedError | HostFaultError): void
}

/** Process of a running server. */
export interface ServerProcess {
  readonly pid: number | undefined
  signal(name: GroupSignal): void
  /**
   * Kills the processes that are left of the spawn, and returns how many there were; 1 if the host cannot
   * list processes. Never throws.
   */
  sweep(): number
  /**
   * Ends the spawn, for a teardown that cannot wait: kills now, and again in the background until no process
   * is left. Calls `onGone` then, or synchronously if an earlier sweep found no process. Never throws.
   */
  destroy(onGone?: () => void): void
}

/**
 * Spawns `opencode serve` in its own process group, with its output in the log. The server counts as
 * listening when its output names the spawn's port; no request is sent before, so that another program on
 * that port never receives any.
 * @throws HostFaultError if too few descriptors are free; nothing is opened then
 */
export function spawnServer(options: CompiledOptions, plan: SpawnPlan, events: ProcessEvents): ServerProcess {
  requireDescriptors(notStarted, forServer)
  const { home, trustProjectConfig } = options.values
  const { env } = secretOptions(options)
  const environment = serverEnvironment({
    home,
    username: plan.username,
    password: plan.password,
    marker: plan.marker,
    env,
    trustProjectConfig,
  })
  // Inherited values are secrets too: a proxy's address may hold a password. The spawn's own password is
  // registered already.
  for (const text of secretTexts(environment)) if (text !== plan.password) options.secrets.add(text)
  let listening = false
  const watch = (text: string): void => {
    if (listening || !isListeningLine(text, plan.port)) return
    listening = true
    events.onListening()
  }
  const log = openServeLog(home, options.secrets, watch)
  // Started before the server, so that a host that dies at any moment leaves no server without a watcher.
  const watcher = startWatcher(plan.marker, home)
  const args = ['serve', '--port', String(plan.port), '--hostname', plan.hostname]
  const child = execa(plan.binary, args, {
    cwd: plan.directory,
    env: environment,
    extendEnv: false,
    detached: true,
    cleanup: false,
    stdin: 'ignore',
    buffer: false,
    reject: false,
    windowsHide: true,
  })
  const { pid } = child
  let isGone = false
  if (pid !== undefined) {
    watcher.watch(pid)
    const record = { ...recordOf(plan), pid, command: [plan.binary, ...args] }
    retryUntilDone(() => isGone || writeRecord(home, record))
  }
  for (const output of [child.stdout, child.stderr]) {
    // If the output can no longer be read, nothing is logged; the exit reports the failure.
    output.on('error', () => undefined)
    output.pipe(log.input())
  }
  const killAll = leftoverKiller(pid, plan.marker)
  const sweep = (): number => {
    const left = isGone ? 0 : killAll()
    if (left > 0 || isGone) return left
    isGone = true
    atExit.delete(destroy)
    watcher.stop()
    removeRecord(home, plan.marker)
    return 0
  }
  const destroy = (onGone: () => void = () => undefined): void =>
    retryUntilDone(() => {
      if (sweep() > 0) return false
      onGone()
      return true
    })
  atExit.add(destroy)
  // The exit comes from the process itself, because a grandchild may hold the output open without end. The
  // last output is read and written first, within a time limit.
  child.once('exit', (exitCode, signal) => {
    const exit = { exitCode: exitCode ?? undefined, signal: signal ?? undefined }
    const late = setTimeout(() => end(exit), lastOutputMs)
    void log.closed.then(() => {
      clearTimeout(late)
      end(exit)
    })
  })
  child.once('error', (cause) => end({}, cause))
  // If the system refuses the arguments as too long (E2BIG), only the result reports the failure; no event is
  // emitted.
  void child.then(
    ({ cause }) => pid === undefined && end({}, cause instanceof Error ? cause : undefined),
    () => undefined,
  )

  let ended = false
  function end(exit: { exitCode?: number | undefined; signal?: string | undefined }, cause?: Error): void {
    if (ended) return
    ended = true
    events.onExit(exitError(exit, log.tail(), cause))
  }

  return {
    pid,
    signal: (name) => {
      if (pid !== undefined) signalGroup(pid, name)
    },
    sweep,
    destroy,
  }
}

/**
 * Returns a function that kills a spawn's processes at each call and returns how many were still alive; 1 if
 * the host cannot list processes. A group that has ended is never signalled again, because its id may be
 * reused.
 */
function leftoverKiller(pid: number | undefined, marker: string): () => number {
  let leader = pid
  return () => {
    // No process was started.
    if (pid === undefined) return 0
    if (leader !== undefined && !signalGroup(leader, 'SIGKILL')) leader = undefined
    return ignoreErrors(() => killLeftovers(leader, marker)) ?? 1
  }
}

const recordOf = ({ hostname, port, username, password, marker }: SpawnPlan) => ({
  hostname,
  port,
  username,
  ...(password !== undefined && { password }),
  marker,
})

const notStarted = 'The opencode server could not be started'

/**
 * Descriptors that a spawn needs: the server's pipes, the watcher's pipe, the log, and files that other
 * threads open meanwhile.
 */
const forServer = 32

/**
 * Time limit for the last output of a server that exited, in ms; needed if another process holds the output
 * pipe open.
 */
const lastOutputMs = 200

function exitError(
  exit: { exitCode?: number | undefined; signal?: string | undefined },
  logTail: string,
  cause?: Error,
): ServerExitedError | HostFaultError {
  const fault = cause && asHostFault(cause, notStarted)
  if (fault instanceof HostFaultError) return fault
  const how = cause
    ? `could not be started: ${firstLine(cause.message)}`
    : exit.signal !== undefined
      ? `was ended by ${exit.signal}`
      : `exited with code ${exit.exitCode ?? 'unknown'}`
  const tail = logTail === '' ? '' : `\nIts last output:\n${logTail}`
  return new ServerExitedError(`The opencode server ${how}${tail}`, { ...exit, logTail }, cause && { cause })
}

/**
 * Teardowns that run when the host exits. All servers share one listener, because the host has a limit of
 * listeners. A host that is killed runs no teardown; the watchers end the servers then.
 */
const atExit = {
  teardowns: new Set<() => void>(),
  run: (): void => {
    // A teardown that throws must not stop the other teardowns or the host's own listeners.
    for (const teardown of atExit.teardowns) ignoreErrors(teardown)
  },
  add(teardown: () => void): void {
    if (this.teardowns.size === 0) process.once('exit', this.run)
    this.teardowns.add(teardown)
  },
  delete(teardown: () => void): void {
    this.teardowns.delete(teardown)
    if (this.teardowns.size === 0) process.removeListener('exit', this.run)
  },
}
