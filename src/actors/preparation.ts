import { resolveBinary } from '../io/binary.ts'
import { writeConfigFile } from '../io/config-file.ts'
import { lockHome } from '../io/home-lock.ts'
import { baseURLOf, choosePort } from '../io/port.ts'
import { spawnServer, type ProcessEvents, type ServerProcess } from '../io/server-process.ts'
import { planSpawn, type SpawnPlan } from '../io/spawn-plan.ts'
import { emptyTempFolder } from '../io/temp-folder.ts'
import { secretOptions, type CompiledOptions } from '../compiled-options.ts'
import type { SystemClock } from './clock.ts'
import { directoryPolicy, ownDirectory } from './directory-policy.ts'
import { reapOrphan } from './orphan.ts'
import { runtimeOf } from './runtime.ts'

/** What a start needs. */
export interface Preparation {
  plan: SpawnPlan
  baseURL: string
  spawn: (events: ProcessEvents) => ServerProcess
  /** The pid of what an earlier host had left. */
  reaped: number | undefined
}

/**
 * Does what comes before a spawn, once `earlier` has let go of the home. A module of its own: what it takes to start a
 * process is loaded when the first one is started.
 */
export async function prepareSpawn(
  options: CompiledOptions,
  clock: SystemClock,
  signal: AbortSignal,
  earlier: Promise<unknown> | undefined,
): Promise<Preparation> {
  const { home, binary, hostname, port, stopGraceMs } = options.values
  await earlier
  signal.throwIfAborted()
  const file = await resolveBinary(binary)
  signal.throwIfAborted()
  return inHome(options, async () => {
    const reaped = await reapOrphan({ home, stopGraceMs, clock, signal })
    await emptyTempFolder(home)
    signal.throwIfAborted()
    await writeConfigFile(options.values, secretOptions(options))
    // Before the server runs in it, and before any request names it.
    const directory = await directoryPolicy(options).resolve(ownDirectory(options, true))
    const plan = planSpawn(options, { binary: file, directory, port: await choosePort(hostname, port) })
    const baseURL = baseURLOf(plan.hostname, plan.port)
    return { plan, baseURL, spawn: (events) => spawnServer(options, plan, events), reaped }
  })
}

/** Writes the config file into the home, under its lock; resolves with its path. */
export const writeConfig = (options: CompiledOptions): Promise<string> =>
  inHome(options, () => writeConfigFile(options.values, secretOptions(options)))

function inHome<T>(options: CompiledOptions, act: () => Promise<T>): Promise<T> {
  return runtimeOf(options).home.during(() => lockHome(options.values.home), act)
}
