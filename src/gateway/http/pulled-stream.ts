import { onAbort } from '../../util/abort-signal.ts'

/** Terms of a {@link pulledStream}. */
export interface PulledTerms {
  /** Returns the next bytes; `undefined` at the end. Called only when the client reads. */
  next: () => Promise<Uint8Array | undefined>
  /** Signals that end the stream. */
  until: readonly AbortSignal[]
  /** Ends the source: called once, at the end of the stream, also if the client goes. */
  onEnd: () => void
}

/** Returns a stream that asks its source only when the client has read all before: a client that stalls costs nothing. */
export function pulledStream({ next, until, onEnd }: PulledTerms): ReadableStream<Uint8Array> {
  let isOver = false
  let end = (): void => undefined
  return new ReadableStream(
    {
      start(controller) {
        const listening = until.map((signal) =>
          onAbort(signal, () => {
            if (isOver) return
            end()
            controller.close()
          }),
        )
        end = () => {
          if (isOver) return
          isOver = true
          for (const stop of listening) stop()
          onEnd()
        }
        if (!until.some(({ aborted }) => aborted)) return
        end()
        controller.close()
      },
      async pull(controller) {
        const bytes = await next().catch((error: unknown) => {
          if (isOver) return undefined
          end()
          throw error
        })
        // The stream may have ended while the source was asked.
        if (isOver) return
        if (bytes) controller.enqueue(bytes)
        else {
          end()
          controller.close()
        }
      },
      cancel: () => end(),
    },
    { highWaterMark: 0 },
  )
}
