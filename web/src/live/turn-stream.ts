import type { ApiError } from '../api/client.ts'
import type { Reply, TurnStatus } from '../api/types.ts'
import { FrameTask } from './frames.ts'
import { JoinedStream, type StreamState } from './joined-stream.ts'
import type { Message } from './sse.ts'

/** News of a turn for a page. */
export interface TurnListener {
  /** Gets the replies of a frame, in the order of their numbers, each once. */
  replies: (replies: readonly Reply[]) => void
  status?: (status: TurnStatus) => void
  state?: (state: 'connecting' | 'live' | 'waiting' | 'ended') => void
  /** Gets a refusal, such as 404. The stream is not joined again. */
  failed?: (error: ApiError) => void
}

/**
 * Follows a turn: its replies after a number, then live, until the terminal reply. The stream is joined again after a
 * break, and is not read while the page is hidden.
 *
 * @returns the end of following
 */
export function followTurn(turnId: string, listener: TurnListener, after = 0): () => void {
  const follower = new TurnFollower(turnId, listener, after)
  const onVisibility = (): void => follower.setVisible(!document.hidden)
  document.addEventListener('visibilitychange', onVisibility)
  onVisibility()
  return () => {
    document.removeEventListener('visibilitychange', onVisibility)
    follower.stop()
  }
}

class TurnFollower {
  readonly #url: string
  readonly #listener: TurnListener
  readonly #frame = new FrameTask(() => this.#deliver())
  #lastSeq: number
  #messages: Message[] = []
  #stream: JoinedStream | undefined
  #hasEnded = false

  constructor(turnId: string, listener: TurnListener, after: number) {
    this.#url = `/v1/turns/${encodeURIComponent(turnId)}/replies?times=true`
    this.#listener = listener
    this.#lastSeq = after
  }

  setVisible(isVisible: boolean): void {
    if (!isVisible) return this.stop()
    if (this.#hasEnded || this.#stream) return
    this.#stream = new JoinedStream({
      url: this.#url,
      ...(this.#lastSeq > 0 && { lastId: String(this.#lastSeq) }),
      onMessages: (messages) => {
        this.#messages.push(...messages)
        this.#frame.ask()
      },
      onState: (state) => this.#tell(state),
    }).start()
  }

  stop(): void {
    this.#stream?.stop()
    this.#stream = undefined
    // Messages that no frame has shown come again, because the last number stays.
    this.#messages = []
    this.#frame.stop()
  }

  #tell(state: StreamState): void {
    if (state.state === 'refused') this.#listener.failed?.(state.error)
    else this.#listener.state?.(state.state)
  }

  #deliver(): void {
    const messages = this.#messages
    this.#messages = []
    let replies: Reply[] = []
    const flush = (): void => {
      if (replies.length > 0) this.#listener.replies(replies)
      replies = []
    }
    for (const { event, data } of messages) {
      const value: unknown = JSON.parse(data)
      if (event === 'reply') replies.push(...this.#next(value as Reply))
      else {
        flush()
        this.#pass(event, value)
      }
    }
    flush()
    if (this.#hasEnded) this.#end()
  }

  /** Returns a reply that the page does not have yet. */
  #next(reply: Reply): Reply[] {
    if (reply.seq <= this.#lastSeq) return []
    this.#lastSeq = reply.seq
    if (reply.kind === 'final' || reply.kind === 'error') this.#hasEnded = true
    return [reply]
  }

  #pass(event: string | undefined, value: unknown): void {
    if (event === 'status') this.#listener.status?.(value as TurnStatus)
  }

  #end(): void {
    this.stop()
    this.#listener.state?.('ended')
  }
}
