import {
  BadRequestException,
  Body,
  Controller,
  Headers,
  HttpCode,
  Inject,
  RequestMethod,
  Sse,
  type MessageEvent,
} from '@nestjs/common'
import { map, type Observable } from 'rxjs'
import { Agents } from './agents.ts'

@Controller('turns')
export class TurnsController {
  readonly #agents: Agents

  /** `@Inject` names the provider, so that no compiler has to emit the types of parameters. */
  constructor(@Inject(Agents) agents: Agents) {
    this.#agents = agents
  }

  /**
   * Runs a turn per request, and sends each reply as one event. Nest subscribes once, and unsubscribes when the client
   * disconnects, which cancels the turn.
   */
  @Sse('', { method: RequestMethod.POST })
  @HttpCode(200)
  run(
    @Body() body: { text?: unknown } | undefined,
    @Headers('x-request-id') traceId?: string,
  ): Observable<MessageEvent> {
    const text = body?.text
    if (typeof text !== 'string') throw new BadRequestException('text: expected a string')
    return this.#agents.server
      .turn$({ text, traceId: traceId ?? null })
      .pipe(map((reply) => ({ data: reply })))
  }
}
