import { fromPromise } from 'xstate'
import { resolveBinary } from '../io/binary.ts'
import { OpenCodeClient } from '../io/client.ts'
import { writeConfigFile } from '../io/config-file.ts'
import { choosePort } from '../io/port.ts'
import { planSpawn } from '../io/server-process.ts'
import { secretOptions, type CompiledOptions } from '../options.ts'
import { clockOf } from './clock.ts'
import { EventHub } from './hub.ts'
import { runtimeOf } from './runtime.ts'

/** Where the server will be. */
export interface Prepared {
  baseURL: string
}

/** Finds the binary, writes the config, picks the port: what a spawn needs. Rejects with a typed error. */
export const prepare = fromPromise<Prepared, { options: CompiledOptions }>(
  async ({ input: { options }, system, signal }) => {
    const { binary, hostname, port, username } = options.values
    const file = await resolveBinary(binary)
    await writeConfigFile(options.values, secretOptions(options))
    const plan = planSpawn(options, file, await choosePort(hostname, port))
    const baseURL = `http://${urlHost(hostname)}:${plan.port}`
    if (signal.aborted) return { baseURL }
    const runtime = runtimeOf(options)
    runtime.plan = plan
    runtime.link?.client.close()
    const client = new OpenCodeClient({ baseURL, username, password: plan.password })
    runtime.link = { client, hub: new EventHub(clockOf(system).now) }
    return { baseURL }
  },
)

/** A server on every address is asked on loopback; an IPv6 address goes in brackets. */
function urlHost(hostname: string): string {
  if (hostname === '0.0.0.0') return '127.0.0.1'
  if (hostname === '::') return '[::1]'
  return hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname
}
