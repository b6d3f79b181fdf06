import type { FileChange } from '../../actors/session/changes.ts'
import { TurnFace } from '../../actors/turn/turn-face.ts'
import type { Turn } from '../../api/turn-handle.ts'
import type { SchemaInput } from '../../config/schema-input.ts'
import { InvalidOptionsError, OpenCodeRuntimeError, TurnError } from '../../errors.ts'
import type { FinalReply, RequestAnswer } from '../../replies.ts'
import type { TurnFollower } from './turn-follower.ts'

/** Turn that runs on another host. Never throws; exactly one terminal reply comes last. */
export class RemoteTurn<T> extends TurnFace<T> implements Turn<T> {
  readonly #follower: TurnFollower
  readonly #schema: SchemaInput | undefined

  /** @param schema - schema of the answer, whose functions run in this process */
  constructor(follower: TurnFollower, schema?: SchemaInput) {
    super(follower.view)
    this.#follower = follower
    this.#schema = schema
  }

  override get id(): string {
    return this.#follower.id
  }

  override get traceId(): string | null {
    return this.#follower.view.traceId
  }

  override async changes(): Promise<FileChange[]> {
    const { agentId } = this.#follower
    await this.done
    throw new OpenCodeRuntimeError(
      `The files of a turn can be read only on the host that has run the turn: ask the fleet of that host for the changes of the session${agentId === undefined ? '' : ` of the agent ${agentId}`}`,
    )
  }

  override answer(requestId: string, answer: RequestAnswer): Promise<void> {
    return this.#follower.answer(requestId, answer)
  }

  override cancel(): void {
    void this.#follower.cancel()
  }

  /** Resolves with the answer as the caller's schema returns it. The host has validated the answer by JSON Schema. */
  protected override async valueOf({ content, trace_id }: FinalReply): Promise<T> {
    if (!this.#schema)
      throw new InvalidOptionsError(
        'The turn has no output here, because its input names no schema (`output`), or this caller has attached to the turn: read text()',
      )
    const checked = await this.#schema.validate(JSON.parse(content))
    if ('value' in checked) return checked.value as T
    throw new TurnError({
      kind: 'error',
      trace_id,
      code: 'invalid_output',
      error: `The answer fits the JSON Schema that has travelled, but not the schema of the caller: ${checked.issues}`,
      retryable: true,
    })
  }
}
