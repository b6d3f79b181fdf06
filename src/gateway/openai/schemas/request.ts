import { z } from 'zod'
import { text } from '../../../config/schema-parts.ts'
import { named } from '../../schemas/named.ts'
import { chatMessage } from './content.ts'

const flag = () => z.boolean('expected true or false').nullish()
const list = (what: string) => z.array(z.unknown(), `expected a list of ${what}`)

const answerFormat = () =>
  z.discriminatedUnion(
    'type',
    [
      z.looseObject({ type: z.literal('text') }),
      z.looseObject({ type: z.literal('json_object') }),
      z.looseObject({
        type: z.literal('json_schema'),
        json_schema: z.looseObject(
          { schema: z.record(z.string(), z.unknown(), 'expected a JSON Schema of an object') },
          'expected an object with a schema',
        ),
      }),
    ],
    "expected an object with the type 'text', 'json_object' or 'json_schema'",
  )

/** Body of a request for a chat completion. */
export const chatBody = named('ChatCompletionRequest', () =>
  z
    .looseObject(
      {
        model: text('expected the id of an agent').describe('Id of the agent'),
        messages: z
          .array(chatMessage(), 'expected a list of messages')
          .describe('Conversation; the last message that is not of the system is of the user'),
        stream: flag(),
        stream_options: z
          .looseObject(
            { include_usage: flag().describe('True for the usage in a chunk of its own, after the answer') },
            'expected an object',
          )
          .nullish(),
        response_format: answerFormat().nullish(),
        n: z.int('expected 1').min(1, 'expected 1').describe('1 only').nullish(),
        tools: list('tools').describe('Not supported: the agent has tools of its own').nullish(),
        functions: list('functions').describe('Not supported').nullish(),
        tool_choice: z.unknown().describe('`none` and `auto` only').optional(),
      },
      'expected an object with a model and messages',
    )
    .describe('Every other field of OpenAI, such as `temperature` or `max_tokens`, has no effect'),
)

/** Body of a request for a chat completion, as {@link chatBody} returns it. */
export type ChatBody = z.output<ReturnType<typeof chatBody>>
