import { fromPromise } from 'xstate'
import { asBundleDefect } from '../../io/host/bundle-fault.ts'
import { asHostFault } from '../../io/host/host-fault.ts'
import { OpenCodeClient } from '../../io/opencode/client.ts'
import { loadHttp } from '../../io/opencode/load-http.ts'
import { loadModule } from '../../io/host/load-module.ts'
import { loadExeca } from '../../io/process/load-execa.ts'
import { withoutSecrets } from '../../config/masked-error.ts'
import { clockOf } from '../clock.ts'
import { directoryPolicy } from './directory-policy.ts'
import { SessionEventRouter } from './session-event-router.ts'
import { runtimeOf, type ServerInput } from '../runtime.ts'

const notPrepared = 'The server could not be prepared'

/** Base URL of the prepared server, and the pid of a server that an earlier host had left running. */
export interface Prepared {
  baseURL: string
  reaped?: number | undefined
}

/**
 * Loads the modules that start a process and talk to it; these modules are larger than all other modules
 * together. The load begins when the first server is created and ends before the first spawn, so that an
 * update of `node_modules` under a running host cannot break a later start.
 *
 * @throws HostFaultError (`ERR_OPENCODE_HOST_FAULT`) if a module cannot be loaded at the moment; the next
 * call tries again
 */
export async function loadPreparation() {
  const ours = loadModule('./preparation.js', () => import('./preparation.ts'))
  const [preparation] = await Promise.all([ours, loadExeca(), loadHttp()])
  return preparation
}

/**
 * Prepares a spawn: finds the binary, locks the home, ends an orphan of an earlier host, writes the config
 * and picks the port. Rejects with a typed error.
 *
 * @remarks A stopped preparation writes nothing more. `runtime.preparing` settles when the preparation has
 * released the home, and the next preparation waits for that.
 */
export const prepare = fromPromise<Prepared, ServerInput>(async ({ input, system, signal }) => {
  const { options } = input
  const runtime = runtimeOf(input.runtime)
  const clock = clockOf(system)
  const { preparing } = runtime
  const prepared = withoutSecrets(options.secrets, async () => {
    try {
      const { prepareSpawn } = await loadPreparation()
      return await prepareSpawn(options, runtime, clock, signal, preparing)
    } catch (error) {
      throw asHostFault(asBundleDefect(error, notPrepared), notPrepared)
    }
  })
  runtime.preparing = prepared.catch(() => undefined)
  const { plan, baseURL, spawn, hostTools, reaped } = await prepared
  if (signal.aborted) {
    hostTools?.endpoint.close()
    return { baseURL }
  }
  runtime.plan = plan
  runtime.spawn = spawn
  // The earlier server's work ended with its process, in every directory.
  runtime.directories.clear()
  runtime.connection?.client.close()
  const { username, password, directory } = plan
  const client = new OpenCodeClient({ baseURL, username, password }, true)
  const policy = directoryPolicy(options, directory)
  runtime.closeHostTools = hostTools && (() => hostTools.endpoint.close())
  const hostCalls = hostTools?.calls
  runtime.connection = { client, router: new SessionEventRouter(clock.now), policy, directory, hostCalls }
  return { baseURL, reaped }
})
