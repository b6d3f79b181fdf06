import { fromPromise } from 'xstate'
import { resolveBinary } from '../io/binary.ts'
import { OpenCodeClient } from '../io/client.ts'
import { writeConfigFile } from '../io/config-file.ts'
import { choosePort } from '../io/port.ts'
import { planSpawn, type SpawnPlan } from '../io/server-process.ts'
import { secretOptions, type CompiledOptions } from '../options.ts'
import { clockOf } from './clock.ts'
import { EventHub } from './hub.ts'
import { runtimeOf } from './runtime.ts'

/** Where the server will be. */
export interface Prepared {
  baseURL: string
}

/**
 * Finds the binary, writes the config, picks the port: what a spawn needs. Rejects with a typed error. Stopped, it writes
 * nothing more; `runtime.preparing` settles when it has let go of the home.
 */
export const prepare = fromPromise<Prepared, { options: CompiledOptions }>(
  async ({ input: { options }, system, signal }) => {
    const runtime = runtimeOf(options)
    const prepared = plan(options, signal)
    runtime.preparing = prepared.catch(() => undefined)
    const spawn = await prepared
    const baseURL = `http://${urlHost(spawn.hostname)}:${spawn.port}`
    if (signal.aborted) return { baseURL }
    runtime.plan = spawn
    runtime.link?.client.close()
    const { username, password } = spawn
    const client = new OpenCodeClient({ baseURL, username, password })
    runtime.link = { client, hub: new EventHub(clockOf(system).now) }
    return { baseURL }
  },
)

async function plan(options: CompiledOptions, signal: AbortSignal): Promise<SpawnPlan> {
  const { binary, hostname, port } = options.values
  const file = await resolveBinary(binary)
  signal.throwIfAborted()
  await writeConfigFile(options.values, secretOptions(options))
  return planSpawn(options, file, await choosePort(hostname, port))
}

/** A server on every address is asked on loopback; an IPv6 address goes in brackets. */
function urlHost(hostname: string): string {
  if (hostname === '0.0.0.0') return '127.0.0.1'
  if (hostname === '::') return '[::1]'
  return hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname
}
