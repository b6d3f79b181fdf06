import { fromPromise } from 'xstate'
import { OpenCodeClient } from '../io/client.ts'
import { withoutSecrets } from '../masked-error.ts'
import type { CompiledOptions } from '../options.ts'
import { clockOf } from './clock.ts'
import { directoryPolicy } from './directory-policy.ts'
import { EventHub } from './hub.ts'
import { runtimeOf } from './runtime.ts'

/** Where the server will be, and the pid of what an earlier host had left of one. */
export interface Prepared {
  baseURL: string
  reaped?: number | undefined
}

/** Loads what it takes to start a process, which is more than all the rest: once, when the first server is made. */
export const loadPreparation = () => import('./preparation.ts')

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
    const { preparing } = runtime
    const prepared = withoutSecrets(options.secrets, async () => {
      const { prepareSpawn } = await loadPreparation()
      return prepareSpawn(options, clock, signal, preparing)
    })
    runtime.preparing = prepared.catch(() => undefined)
    const { plan, baseURL, spawn, reaped } = await prepared
    if (signal.aborted) return { baseURL }
    runtime.plan = plan
    runtime.spawn = spawn
    // What an earlier server was busy with, and where, ended with it.
    runtime.directories.clear()
    runtime.link?.client.close()
    const { username, password, directory } = plan
    const client = new OpenCodeClient({ baseURL, username, password }, true)
    const policy = directoryPolicy(options, directory)
    runtime.link = { client, hub: new EventHub(clock.now), policy, directory }
    return { baseURL, reaped }
  },
)
