import type { CompiledOptions } from '../../config/compiled-options.ts'
import type { AnsweredCall, HostAnswer, PostedCall } from '../../io/opencode/host-endpoint.ts'
import { onAbort } from '../../util/abort-signal.ts'
import type { SystemClock } from '../clock.ts'
import { runHostTool } from './run-host-tool.ts'
import {
  endedCall,
  placeOf,
  RunningParts,
  type CallingTurn,
  type RunningPart,
  type TurnCalls,
} from './running-parts.ts'

/**
 * Time that a call waits for the event that shows it running, in ms. The event and the call come on two
 * connections, so that the call may come first.
 */
const evidenceMs = 15_000
/** Maximum number of calls that wait for their event; a further call is refused. */
const maxWaiting = 1_000

const refusal = 'The host refused the call, because no running tool call of a turn belongs to it'

/**
 * Calls of the host tools on one spawn. A call is accepted once, and only if the server's event stream shows
 * its tool part running in a session of a turn, with no permission request open. The session leads to the
 * turn, so that no turn gets the context of another.
 */
export class HostCalls {
  readonly #options: CompiledOptions
  readonly #clock: SystemClock
  readonly #warn: (message: string) => void
  readonly #parts: RunningParts
  /** Calls that wait for their event: a function that tries to accept the call again, and the call's place. */
  readonly #waiting = new Map<() => void, string>()

  /** @param warn - receives the message about a refused call */
  constructor(options: CompiledOptions, clock: SystemClock, warn: (message: string) => void) {
    this.#options = options
    this.#clock = clock
    this.#warn = warn
    this.#parts = new RunningParts(new Set(Object.keys(options.values.hostTools)), (place) =>
      this.#wake(place),
    )
  }

  /** Returns the calls of a turn, which its events decide from now on. */
  follow(turn: CallingTurn): TurnCalls {
    return this.#parts.follow(turn)
  }

  /** Answers a call that the plugin sent. */
  readonly answer = (posted: PostedCall, progress: (title: string) => void): AnsweredCall => {
    const controller = new AbortController()
    return {
      answer: this.#answer(posted, progress, controller),
      abort: () => controller.abort(endedCall()),
    }
  }

  async #answer(
    posted: PostedCall,
    progress: (title: string) => void,
    controller: AbortController,
  ): Promise<HostAnswer> {
    const part = this.#parts.claim(posted, controller) ?? (await this.#claimLater(posted, controller))
    const tool = this.#options.values.hostTools[posted.tool]
    if (!part || !tool) {
      if (!controller.signal.aborted) this.#warn(`host tools: ${refusal}`)
      return { error: refusal }
    }
    const { tool: key, args } = posted
    const { turn, callId } = part
    if (turn.isHidden(key)) return { error: `The tool ${key} is not available in this turn` }
    const { id: turnId, traceId, context, sessionId } = turn
    const call = {
      ...{ signal: controller.signal, context, turnId, traceId, sessionId, callId },
      // A title that JSON leaves out would look like the end of the call.
      progress: (title: unknown) => progress(String(title)),
    }
    const mask = (text: string): string => this.#options.secrets.mask(text)
    return runHostTool({ key, tool, args, call, controller, clock: this.#clock, mask })
  }

  /**
   * Waits for the event that shows the part of a call running, and accepts the call then. The events that came
   * with that event count too, because a permission request may be among them.
   */
  #claimLater(posted: PostedCall, controller: AbortController): Promise<RunningPart | undefined> {
    if (this.#waiting.size >= maxWaiting) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const settle = (part?: RunningPart): void => {
        this.#clock.clearTimeout(limit)
        stopListening()
        this.#waiting.delete(retry)
        resolve(part)
      }
      const claim = (): void => {
        const part = this.#waiting.has(retry) ? this.#parts.claim(posted, controller) : undefined
        if (part) settle(part)
      }
      const retry = (): void => queueMicrotask(claim)
      const limit = this.#clock.setTimeout(() => settle(), evidenceMs)
      const stopListening = onAbort(controller.signal, () => settle())
      this.#waiting.set(retry, placeOf(posted))
    })
  }

  #wake(place: string): void {
    for (const [retry, waiting] of this.#waiting) if (waiting === place) retry()
  }
}
