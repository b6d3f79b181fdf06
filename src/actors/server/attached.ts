import { fromCallback, fromPromise, type EventObject } from 'xstate'
import { InvalidOptionsError, ServerExitedError, type OpenCodeRuntimeError } from '../../errors.ts'
import { HttpError, OpenCodeClient } from '../../io/opencode/client.ts'
import { maskedThrown } from '../../config/masked-error.ts'
import type { CompiledOptions } from '../../config/options.ts'
import { clockOf } from '../clock.ts'
import { remoteDirectories } from './directory-policy.ts'
import { SessionEventRouter } from './session-event-router.ts'
import { isConnectionRefused } from '../turn/refusal.ts'
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
 * Returns the actors for a server that another program manages. These actors spawn, signal and dispose
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
    const report = (fact: ProcessFact): void => sendBack(fact)
    const exited = (error: unknown): void =>
      report({ type: 'process.exited', error: notAvailable(options, attachment, error) })
    report({ type: 'process.spawned', pid: 0 })
    runtimeOf(runtime)
      .connection?.client.health(abort.signal)
      .then(() => report({ type: 'process.listening' }), exited)
    receive(() => exited('this host released the server'))
    return () => abort.abort()
  })

  const events = fromCallback<EventObject, ServerInput>(({ input, sendBack, system }) =>
    readStream(input, clockOf(system), (fact: StreamFact, error) => {
      if (isConnectionRefused(error))
        sendBack({ type: 'process.exited', error: notAvailable(input.options, attachment, error) })
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
function notAvailable(
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
