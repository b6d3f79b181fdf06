import type { TerminalReply } from '../../replies.ts'
import { turnFailure } from './turn-failure.ts'

/** End of an answer: its text, and the reason why it ended. */
export interface Ending {
  text: string
  finish: 'stop' | 'length'
}

/**
 * Returns the end of an answer. An answer that was cut at the model's limit is an answer, too. A rejected permission ends an
 * answer as any other end does, because the client has no tools.
 *
 * @param hasCalledTool - true if the turn must not be repeated
 * @throws ProblemError for a turn that failed
 */
export function endingOf(reply: TerminalReply, hasCalledTool: boolean): Ending {
  if (reply.kind === 'final')
    return { text: reply.content, finish: reply.finish_reason === 'length' ? 'length' : 'stop' }
  const { code, partial = '' } = reply
  if (code === 'output_length' && partial !== '') return { text: partial, finish: 'length' }
  throw turnFailure(reply, hasCalledTool)
}
