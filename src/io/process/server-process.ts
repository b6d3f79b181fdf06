import { execa } from 'execa'
import { HostFaultError, ServerExitedError } from '../../errors.ts'
import { secretOptions, type CompiledOptions } from '../../config/compiled-options.ts'
import { secretTexts } from '../../config/secret-texts.ts'
import { requireDescriptors } from '../host/descriptors.ts'
import { serverEnvironment } from '../opencode/environment.ts'
import { asHostFault } from '../host/host-fault.ts'
import { untilDone } from '../../util/in-background.ts'
import { killLeftovers, signalGroup, type GroupSignal } from './processes.ts'
import { openServeLog } from './serve-log.ts'
import { removeRecord, writeRecord } from '../home/server-record.ts'
import type { SpawnPlan } from './spawn-plan.ts'
import { startWatcher } from './watcher.ts'
import { firstLine } from '../../util/messages.ts'
import { quietly } from '../../util/quietly.ts'

/** What happens to a server's process. */
export interface ProcessEvents {
  onListening(): void
  /** Once, at the end; also where it could not be started. */
  onExit(error: ServerExitedError | HostFaultError): void
}

/** A running server's process. */
export interface ServerProcess {
  readonly pid: number | undefined
  signal(name: GroupSignal): void
  /** Kills the processes that are left of the spawn and returns how many there were; 1 if the host cannot list them. Never throws. */
  sweep(): number
  /**
   * Ends the spawn, for a teardown that cannot wait: kills now, and again in the background until no process is left.
   * Calls `onGone` then; synchronously if an earlier sweep had found nothing. Never throws.
   */
  destroy(onGone?: () => void): void
}

/**
 * Spawns `opencode serve` in a process group of its own, its output to the log. It listens once it says so for *our*
 * port: a stranger that answers there is never asked anything (opencode 1.18.33, stdout line `… listening on http://…`).
 * @throws HostFaultError where the host has too few descriptors, before anything is opened.
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
  // Also what it inherits: a proxy's address may hold a password. The spawn's own password is known already.
  for (const text of secretTexts(environment)) if (text !== plan.password) options.secrets.add(text)
  let listening = false
  const watch = (text: string): void => {
    if (listening || !isListeningLine(text, plan.port)) return
    listening = true
    events.onListening()
  }
  const log = openServeLog(home, options.secrets, watch)
  // Before the server, so that at no moment a host may die and leave it alone.
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
    untilDone(() => isGone || writeRecord(home, record))
  }
  for (const output of [child.stdout, child.stderr]) {
    // Output that can no longer be read is not logged; the exit reports the failure.
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
    untilDone(() => {
      if (sweep() > 0) return false
      onGone()
      return true
    })
  atExit.add(destroy)
  // The exit is known from the process itself: a grandchild may hold its output open for ever. What it said last
  // is read and written first, for as long as that may take.
  child.once('exit', (exitCode, signal) => {
    const exit = { exitCode: exitCode ?? undefined, signal: signal ?? undefined }
    const late = setTimeout(() => end(exit), lastOutputMs)
    void log.closed.then(() => {
      clearTimeout(late)
      end(exit)
    })
  })
  child.once('error', (cause) => end({}, cause))
  // Arguments that the system refuses as too long (E2BIG) are told by the result only: there is no event.
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
 * Returns a function that kills a spawn's processes at each call and returns how many were still alive; 1 if the host
 * cannot list processes. A group that is gone is never signalled again, because its id may be reused.
 */
function leftoverKiller(pid: number | undefined, marker: string): () => number {
  let leader = pid
  return () => {
    // Nothing was started.
    if (pid === undefined) return 0
    if (leader !== undefined && !signalGroup(leader, 'SIGKILL')) leader = undefined
    return quietly(() => killLeftovers(leader, marker)) ?? 1
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

/** Descriptors of a spawn: the server's pipes, its watcher's, the log, and what other threads open meanwhile. */
const forServer = 32

/** How long an ended server's last output is waited for, where something else holds its pipe open. */
const lastOutputMs = 200

const isListeningLine = (line: string, port: number): boolean =>
  /\blistening on\b/i.test(line) && new RegExp(`:${port}\\b`).test(line)

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
 * What a host that exits still ends. One listener for all servers: the host's limit of listeners is the host's.
 * A host that is killed runs none of this: then their watchers do.
 */
const atExit = {
  teardowns: new Set<() => void>(),
  run: (): void => {
    // A teardown that throws must not keep the others, or the host's own listeners, from running.
    for (const teardown of atExit.teardowns) quietly(teardown)
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
