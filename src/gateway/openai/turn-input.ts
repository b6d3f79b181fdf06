import { parse } from '../../config/validation.ts'
import { turnBody, type TurnBody } from '../schemas/turn-body.ts'
import type { Prompt } from './prompt.ts'
import type { ChatBody } from './schemas/request.ts'

/** Answer that may be any JSON object. */
const anyObject = { type: 'object' }

/**
 * Returns the body of the turn of a request.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names a field of the turn
 */
export function turnOf(
  { response_format: format }: ChatBody,
  { text, system, files }: Prompt,
  sessionId: string | undefined,
): TurnBody {
  const output = format?.type === 'json_object' ? anyObject : undefined
  const schema = format?.type === 'json_schema' ? format.json_schema.schema : output
  const body = {
    text,
    ...(system !== undefined && { system }),
    ...(files.length > 0 && { attachments: files }),
    ...(sessionId !== undefined && { session_id: sessionId }),
    ...(schema !== undefined && { output: schema }),
    on_disconnect: 'cancel',
  }
  return parse(turnBody, body, 'field')
}
