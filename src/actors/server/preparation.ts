import { BinaryNotFoundError, HostFaultError } from '../../errors.ts'
import { resolveBinary } from '../../io/opencode/binary.ts'
import { writeConfigFile } from '../../io/opencode/config-file.ts'
import { writeHostPlugin } from '../../io/opencode/host-plugin.ts'
import { lockHome } from '../../io/home/home-lock.ts'
import { settlePluginPackage } from '../../io/opencode/plugin-package.ts'
import { baseURLOf, choosePort } from '../../io/process/port.ts'
import { exposedPaths } from '../../io/home/private-paths.ts'
import { loadStartProcess } from '../../io/process/start-process.ts'
import {
  serverCommand,
  spawnServer,
  type SpawnParts,
  type ProcessEvents,
  type ServerProcess,
} from '../../io/process/server-process.ts'
import { planSpawn, type SpawnPlan } from '../../io/process/spawn-plan.ts'
import { emptyTempFolder } from '../../io/home/temp-folder.ts'
import { requireAccess } from '../../io/home/user-access.ts'
import { agentUserOf, homeOwnerOf } from '../../config/agent-user.ts'
import { secretOptions, type CompiledOptions } from '../../config/compiled-options.ts'
import type { SystemClock } from '../clock.ts'
import { directoryPolicy, ownDirectory } from './directory-policy.ts'
import { openHostTools, type OpenHostTools } from './host-tools.ts'
import { reapOrphan } from './orphan.ts'
import { runtimeOf, type Runtime, type ServerInput } from '../runtime.ts'

/** Result of a preparation. */
export interface Preparation {
  plan: SpawnPlan
  baseURL: string
  spawn: (events: ProcessEvents) => ServerProcess
  /** Calls of the host tools, and the endpoint at which they arrive; `undefined` if there are none. */
  hostTools: OpenHostTools | undefined
  /** Pid of the server that an earlier host had left running. */
  reaped: number | undefined
}

/**
 * Prepares a spawn after `earlier` has released the home. This module is separate, so that the modules that
 * start a process load with the first start.
 */
export async function prepareSpawn(
  options: CompiledOptions,
  runtime: Runtime,
  clock: SystemClock,
  signal: AbortSignal,
  earlier: Promise<unknown> | undefined,
): Promise<Preparation> {
  const { home, binary, hostname, port, stopGraceMs, spawn: wrap } = options.values
  const [user, owner] = [agentUserOf(options.values), homeOwnerOf(options.values)]
  await earlier
  signal.throwIfAborted()
  const startProcess = await loadStartProcess()
  const file = await findBinary(binary, runtime)
  signal.throwIfAborted()
  return inHome(options, runtime, async () => {
    const reaped = await reapOrphan({ home, owner, stopGraceMs, clock, signal })
    await emptyTempFolder(home, owner)
    signal.throwIfAborted()
    await writeConfigFiles(options)
    await settlePluginPackage(home, secretOptions(options).env, owner)
    const open = await exposedPaths(home)
    if (open.length > 0) runtime.warn(exposedPathsWarning(open))
    // The directory is checked before the server runs in it and before any request names it.
    const directory = await directoryPolicy(options).resolve(ownDirectory(options, true))
    if (user) await requireAccess(user, { home, directory, binary: wrap ? undefined : file })
    const found = { binary: file, directory, port: await choosePort(hostname, port) }
    const hostTools = await openHostTools(options, runtime, clock)
    return { ...launchOf(options, found, hostTools, { startProcess, lifeline: runtime.lifeline }), reaped }
  })
}

/** Returns the plan of a spawn and the function that runs it. On failure the endpoint of the host tools is closed. */
function launchOf(
  options: CompiledOptions,
  found: Pick<SpawnPlan, 'binary' | 'directory' | 'port'>,
  hostTools: OpenHostTools | undefined,
  parts: SpawnParts,
): Omit<Preparation, 'reaped'> {
  try {
    const plan = planSpawn(options, { ...found, hostTools: hostTools?.endpoint })
    const command = serverCommand(options, plan)
    const spawn = (events: ProcessEvents) => spawnServer(options, plan, command, events, parts)
    return { plan, baseURL: baseURLOf(plan.hostname, plan.port), spawn, hostTools }
  } catch (error) {
    hostTools?.endpoint.close()
    throw error
  }
}

const exposedPathsWarning = (open: readonly string[]): string =>
  `opencode home: the file system did not set the modes 0700 and 0600, so other users may read the key: ${open.join(', ')}`

/**
 * Resolves with the path of the binary. A missing binary that an earlier start found is a fault of the host,
 * because the binary may be absent only for a moment, for example during an update.
 */
async function findBinary(binary: string | undefined, runtime: Runtime): Promise<string> {
  try {
    return (runtime.binary = await resolveBinary(binary))
  } catch (error) {
    const path = runtime.binary
    if (path === undefined || !(error instanceof BinaryNotFoundError)) throw error
    throw new HostFaultError(
      `The opencode binary of the last start is missing (ENOENT at ${path})`,
      { errno: 'ENOENT', path },
      { cause: error },
    )
  }
}

/** Writes the config file into the home while the home is locked; resolves with the file's path. */
export const writeConfig = ({ options, runtime }: ServerInput): Promise<string> =>
  inHome(options, runtimeOf(runtime), () => writeConfigFiles(options))

/** Writes the config and the plugin of the host tools; resolves with the path of the config. */
async function writeConfigFiles(options: CompiledOptions): Promise<string> {
  const file = await writeConfigFile(options.values, secretOptions(options))
  await writeHostPlugin(options.values.home, options.values.hostTools, homeOwnerOf(options.values))
  return file
}

function inHome<T>(options: CompiledOptions, runtime: Runtime, act: () => Promise<T>): Promise<T> {
  return runtime.home.withLock(() => lockHome(options.values.home, homeOwnerOf(options.values)), act)
}
