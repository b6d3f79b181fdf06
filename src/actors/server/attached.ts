import { fromCallback, fromPromise, type EventObject } from 'xstate'
import { InvalidOptionsError, ServerExitedError, type OpenCodeRuntimeError } from '../../errors.ts'
import { HttpError, OpenCodeClient } from '../../io/opencode/client.ts'
import { maskedThrown } from '../../config/masked-error.ts'
import type { CompiledOptions } from '../../config/options.ts'
import { clockOf } from '../clock.ts'
import { remoteDirectories } from './directory-policy.ts'
import { SessionEventRouter } from './session-event-router.ts'
import { isRefused } from '../turn/refusal.ts'
import { runtimeOf, type ServerInput } from '../runtime.ts'
import type { Prepared } from './prepare.ts'
import type { ProcessFact } from './process.ts'
import type { StreamFact } from './events.ts'
import { readStream } from './events.ts'
import { messageOf } from '../../util/messages.ts'

/** Address and credentials of a server that another program manages. */
export interface Attachment {
  baseURL: string
  username: string
  password: string | undefined
}

/**
 * Returns the actors for a server that another program manages. These actors spawn, signal and dispose of
 * nothing; a server that refuses connections counts as exited.
 */
export function attachedActors(attachment: Attachment) {
  const prepare = fromPromise<Prepared, ServerInput>(({ input, system }) => {
    const runtime = runtimeOf(input.runtime)
    runtime.connection?.client.close()
    runtime.connection = {
      client: new OpenCodeClient(attachment),
      router: new SessionEventRouter(clockOf(system).now),
      policy: remoteDirectories,
      directory: input.options.values.directory,
    }
    return Promise.resolve({ baseURL: attachment.baseURL })
  })

  const serverProcess = fromCallback<EventObject, ServerInput>(({ input, sendBack, receive }) => {
    const { options, runtime } = input
    const abort = new AbortController()
    const tell = (fact: ProcessFact): void => sendBack(fact)
    const exited = (error: unknown): void =>
      tell({ type: 'process.exited', error: notThere(options, attachment, error) })
    tell({ type: 'process.spawned', pid: 0 })
    runtimeOf(runtime)
      .connection?.client.health(abort.signal)
      .then(() => tell({ type: 'process.listening' }), exited)
    receive(() => exited('it was let go'))
    return () => abort.abort()
  })

  const events = fromCallback<EventObject, ServerInput>(({ input, sendBack, system }) =>
    readStream(input, clockOf(system), (fact: StreamFact, error) => {
      if (isRefused(error))
        sendBack({ type: 'process.exited', error: notThere(input.options, attachment, error) })
      else sendBack(fact)
    }),
  )

  return {
    prepare,
    serverProcess,
    events,
    dispose: fromPromise<undefined, ServerInput>(() => Promise.resolve(undefined)),
    sweep: fromPromise<{ left: number }, ServerInput>(() => Promise.resolve({ left: 0 })),
  }
}

/** Returns the error of a server that does not answer, or that refuses the credentials, which no retry helps. */
function notThere(
  { secrets }: CompiledOptions,
  { baseURL }: Attachment,
  thrown: unknown,
): OpenCodeRuntimeError {
  const cause = maskedThrown(thrown, secrets)
  const server = `The server at ${secrets.mask(baseURL)}`
  if (cause instanceof HttpError && (cause.status === 401 || cause.status === 403)) {
    const advice = 'check the options username and password'
    return new InvalidOptionsError(`${server} refused the credentials (${cause.status}): ${advice}`, {
      cause,
    })
  }
  return new ServerExitedError(`${server} is not available: ${messageOf(cause)}`, {}, { cause })
}
