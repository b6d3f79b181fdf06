import { fromPromise } from 'xstate'
import { resolveBinary } from '../io/binary.ts'
import { OpenCodeClient } from '../io/client.ts'
import { writeConfigFile } from '../io/config-file.ts'
import { baseURLOf, choosePort } from '../io/port.ts'
import { planSpawn, type SpawnPlan } from '../io/server-process.ts'
import { emptyTempFolder } from '../io/temp-folder.ts'
import { withoutSecrets } from '../masked-error.ts'
import { secretOptions, type CompiledOptions } from '../options.ts'
import { admission } from './admission.ts'
import { clockOf, type SystemClock } from './clock.ts'
import { EventHub } from './hub.ts'
import { reapOrphan } from './orphan.ts'
import { runtimeOf } from './runtime.ts'

/** Where the server will be, and the pid of what an earlier host had left of one. */
export interface Prepared {
  baseURL: string
  reaped?: number | undefined
}

/**
 * Finds the binary, locks the home, ends an orphan of an earlier host, writes the config, picks the port: what a spawn
 * needs. Rejects with a typed error. Stopped, it writes nothing more; `runtime.preparing` settles when it has let go of
 * the home, and the next one waits for that.
 */
export const prepare = fromPromise<Prepared, { options: CompiledOptions }>(
  async ({ input: { options }, system, signal, self }) => {
    const runtime = runtimeOf(options)
    // Also of a machine that somebody else embeds: its first start is the first that there is to tell.
    runtime.watch(self._parent)
    const clock = clockOf(system)
    const prepared = withoutSecrets(options.secrets, () => plan(options, clock, signal, runtime.preparing))
    runtime.preparing = prepared.catch(() => undefined)
    const { spawn, reaped } = await prepared
    const baseURL = baseURLOf(spawn.hostname, spawn.port)
    if (signal.aborted) return { baseURL }
    runtime.plan = spawn
    // What an earlier server was busy with, and where, ended with it.
    runtime.directories.clear()
    runtime.link?.client.close()
    const { username, password } = spawn
    const client = new OpenCodeClient({ baseURL, username, password })
    runtime.link = { client, hub: new EventHub(clock.now), admit: admission(options, 'directory') }
    return { baseURL, reaped }
  },
)

async function plan(
  options: CompiledOptions,
  clock: SystemClock,
  signal: AbortSignal,
  earlier: Promise<unknown> | undefined,
): Promise<{ spawn: SpawnPlan; reaped: number | undefined }> {
  const { home, binary, hostname, port, stopGraceMs } = options.values
  await earlier
  signal.throwIfAborted()
  const file = await resolveBinary(binary)
  signal.throwIfAborted()
  return runtimeOf(options).home.during(home, async () => {
    const reaped = await reapOrphan({ home, stopGraceMs, clock, signal })
    await emptyTempFolder(home)
    signal.throwIfAborted()
    await writeConfigFile(options.values, secretOptions(options))
    // Before the server runs in it, and before any request names it.
    await admission(options, 'option directory')(options.values.directory)
    return { spawn: planSpawn(options, file, await choosePort(hostname, port)), reaped }
  })
}
