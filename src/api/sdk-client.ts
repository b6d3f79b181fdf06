import type { OpencodeClient } from '#opencode-sdk'
import { runtimeOf } from '../actors/runtime.ts'
import { OpenCodeRuntimeError, StoppedError } from '../errors.ts'
import { basicAuth } from '../io/opencode/transport.ts'
import type { ServerActorRef } from '../machines/server-machine.ts'
import { ensureRunning } from './ensure-running.ts'

/** Client of the official SDK, in the version that is installed. */
type Sdk = typeof import('@opencode-ai/sdk/client')

/**
 * Starts the server if necessary, and resolves with a client of the official SDK that is connected to it. The package
 * is loaded before the start, so that a missing package starts no server.
 *
 * @internal
 * @throws OpenCodeRuntimeError (`ERR_OPENCODE_RUNTIME`) if the optional package `@opencode-ai/sdk` is missing.
 */
export async function sdkClient(actor: ServerActorRef, load?: () => Promise<Sdk>): Promise<OpencodeClient> {
  const { createOpencodeClient } = await loadSdk(load)
  await ensureRunning(actor)
  const { context } = actor.getSnapshot()
  const { plan } = runtimeOf(context.runtime)
  if (context.baseURL === undefined || !plan) throw new StoppedError('The server was stopped meanwhile')
  const { username, password, directory } = plan
  const headers = password === undefined ? undefined : { authorization: basicAuth(username, password) }
  return createOpencodeClient({ baseUrl: context.baseURL, directory, ...(headers && { headers }) })
}

/**
 * Loads the SDK's client, which is a package of its own and optional. esbuild accepts a missing package if
 * `await import()` stands in a `try`; webpack leaves the import to the runtime.
 */
async function loadSdk(load?: () => Promise<Sdk>): Promise<Sdk> {
  try {
    if (load) return await load()
    return await import(/* webpackIgnore: true */ '@opencode-ai/sdk/client')
  } catch (cause) {
    throw new OpenCodeRuntimeError(
      'server.client() needs the package @opencode-ai/sdk. Run npm install @opencode-ai/sdk.',
      { cause },
    )
  }
}
