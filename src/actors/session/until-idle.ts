import { isIdle } from '../../io/opencode/wire.ts'
import { onAbort } from '../../util/abort-signal.ts'
import type { OperationTarget } from './operation.ts'

/**
 * Resolves when no client has work in a session: the server reports the session as idle. Work of this host has ended
 * before an operation begins. Asks again at each idle event of the session, and after each gap in the events.
 */
export async function untilIdle(target: OperationTarget): Promise<void> {
  const { client, sessionId, directory, signal, connection } = target
  const isIdleNow = async (): Promise<boolean> => isIdle(await client.status(directory, signal), sessionId)
  if (await isIdleNow()) return
  await target.withoutLimit(async () => {
    await connection.router.open
    await new Promise<void>((resolve, reject) => {
      const end = (settle: () => void): void => {
        stopWatching()
        stopListening()
        settle()
      }
      const check = (): void => {
        isIdleNow().then(
          (idle) => idle && end(resolve),
          (error: unknown) => end(() => reject(error instanceof Error ? error : new Error(String(error)))),
        )
      }
      const stopWatching = connection.router.watch(sessionId, {
        onEvent: ({ type }) => (type === 'session.idle' || type === 'session.status') && check(),
        onReconnect: check,
      })
      const stopListening = onAbort(signal, () => end(() => reject(signal.reason as Error)))
      check()
    })
  })
}
