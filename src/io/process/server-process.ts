import type { HostFaultError, ServerExitedError } from '../../errors.ts'
import { agentUserOf, homeOwnerOf } from '../../config/agent-user.ts'
import { secretOptions, type CompiledOptions } from '../../config/compiled-options.ts'
import { secretTexts } from '../../config/secret-texts.ts'
import { requireDescriptors } from '../host/descriptors.ts'
import { serverEnvironment } from '../opencode/environment.ts'
import { isListeningLine } from '../opencode/listening-line.ts'
import { retryUntilDone } from '../../util/in-background.ts'
import { notStarted, reportExit } from './exit-report.ts'
import type { Lifeline } from './lifeline.ts'
import { signalGroup, type GroupSignal } from './processes.ts'
import { openServeLog } from './serve-log.ts'
import { removeRecord, writeRecord } from '../home/server-record.ts'
import { wrapCommand, type SpawnCommand } from './spawn-command.ts'
import type { SpawnPlan } from './spawn-plan.ts'
import { spawnTeardown } from './spawn-teardown.ts'
import type { StartProcess } from './start-process.ts'
import { startWatcher } from './watcher.ts'

/** Events of a server's process. */
export interface ProcessEvents {
  onListening(): void
  /** Called exactly once: when the process exits, or when it could not be started. */
  onExit(error: ServerExitedError | HostFaultError): void
}

/** Process of a running server. */
export interface ServerProcess {
  readonly pid: number | undefined
  /** Marker in the environment of all processes of the spawn. */
  readonly marker: string
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

/** Parts of the host that a spawn uses. */
export interface SpawnParts {
  readonly startProcess: StartProcess
  /** Limit of the server's life without news of the host; `undefined` for none. */
  readonly lifeline: Lifeline | undefined
}

/**
 * Spawns `opencode serve` in its own process group, with its output in the log. The server counts as
 * listening when its output names the spawn's port; no request is sent before, so that another program on
 * that port never receives any.
 * @throws HostFaultError if too few descriptors are free; nothing is opened then
 */
export function spawnServer(
  options: CompiledOptions,
  plan: SpawnPlan,
  command: SpawnCommand,
  events: ProcessEvents,
  { startProcess, lifeline }: SpawnParts,
): ServerProcess {
  requireDescriptors(notStarted, forServer)
  const { home } = options.values
  const owner = homeOwnerOf(options.values)
  const log = openServeLog(home, options.secrets, listeningDetector(plan.port, events), owner)
  // Started before the server, so that a host that dies at any moment leaves no server without a watcher.
  const watcher = startWatcher(plan.marker, home)
  const leaveLifeline = lifeline?.add(watcher)
  const child = startProcess(command, plan.directory, agentUserOf(options.values))
  const { pid } = child
  const teardown = spawnTeardown(pid, plan.marker, () => {
    leaveLifeline?.()
    watcher.stop()
    removeRecord(home, plan.marker, owner)
  })
  if (pid !== undefined) {
    watcher.watch(pid)
    const record = { ...recordOf(plan, command), pid }
    retryUntilDone(() => teardown.isDone() || writeRecord(home, record, owner))
  }
  for (const output of [child.stdout, child.stderr]) {
    // If the output can no longer be read, nothing is logged; the exit reports the failure.
    output.on('error', () => undefined)
    output.pipe(log.input())
  }
  reportExit(child, log, (error) => events.onExit(error))
  return {
    pid,
    marker: plan.marker,
    signal: (name) => {
      if (pid !== undefined) signalGroup(pid, name)
    },
    sweep: teardown.sweep,
    destroy: teardown.destroy,
  }
}

/**
 * Returns the command of a server: its own, or what the option `spawn` makes of it.
 * @throws InvalidOptionsError if the option's function throws or returns no command
 */
export function serverCommand(options: CompiledOptions, plan: SpawnPlan): SpawnCommand {
  const own = [plan.binary, 'serve', '--port', String(plan.port), '--hostname', plan.hostname]
  return wrapCommand(options.values.spawn, own, environmentOf(options, plan))
}

/** Returns the environment of a server, and registers its values as secrets. */
function environmentOf(options: CompiledOptions, plan: SpawnPlan): Record<string, string> {
  const { home, trustProjectConfig } = options.values
  const { username, password, marker, hostTools } = plan
  const { env } = secretOptions(options)
  const environment = serverEnvironment({
    ...{ home, username, password, marker, env, trustProjectConfig, hostTools },
    isOtherUser: agentUserOf(options.values) !== undefined,
  })
  // Inherited values are secrets too: a proxy's address may hold a password. The spawn's own password and
  // token are registered already.
  const own = [password, hostTools?.token]
  for (const text of secretTexts(environment)) if (!own.includes(text)) options.secrets.add(text)
  return environment
}

/** Returns a receiver of output that reports once that the server listens on a port. */
function listeningDetector(port: number, events: ProcessEvents): (text: string) => void {
  let isListening = false
  return (text) => {
    if (isListening || !isListeningLine(text, port)) return
    isListening = true
    events.onListening()
  }
}

const recordOf = (
  { hostname, port, username, password, marker }: SpawnPlan,
  { own, wrapped }: SpawnCommand,
) => ({
  command: [...own],
  ...(wrapped && { wrapped: [...wrapped] }),
  hostname,
  port,
  username,
  ...(password !== undefined && { password }),
  marker,
})

/**
 * Descriptors that a spawn needs: the server's pipes, the watcher's pipe, the log, and files that other
 * threads open meanwhile.
 */
const forServer = 32
