import { badField } from './bad-request.ts'
import { partsOf, type File, type Parts } from './parts.ts'
import type { ChatMessage } from './schemas/content.ts'
import { withNames, withTranscript, type EarlierMessage } from './transcript.ts'

/** Input of a turn, as the messages of a request tell it. */
export interface Prompt {
  text: string
  system: string | undefined
  files: File[]
  /** First line of the conversation, for the title of a session. */
  title: string
}

/** Text of a message that has only files. */
const onlyFiles = 'See the attached files.'

/** Longest title, in characters. */
const titleLength = 60

/**
 * Returns the prompt of a conversation: its last message, and the earlier messages before it if the session of the turn
 * does not have them.
 *
 * @param hasHistory - true if the session has the earlier messages
 * @throws ProblemError 400 that names the message
 */
export function promptOf(messages: readonly ChatMessage[], hasHistory: boolean): Prompt {
  const places = messages.map((message, i) => ({ message, parts: readMessage(message, i), i }))
  const system = places.filter(({ message }) => isOfSystem(message)).map(({ parts }) => parts.text)
  const spoken = places.filter(({ message }) => !isOfSystem(message))
  const last = spoken.at(-1)
  if (last?.message.role !== 'user') throw withoutPrompt(messages, last?.i)
  const text = last.parts.text || (last.parts.files.length > 0 ? onlyFiles : '')
  if (text.trim() === '')
    throw badField(`messages[${last.i}].content`, 'invalid_value', 'expected a text that is not empty')
  const earlier = hasHistory ? [] : numbered(spoken.slice(0, -1))
  return {
    text: withTranscript(earlier, text),
    system: system.length > 0 ? system.join('\n\n') : undefined,
    files: [...earlier.flatMap(({ files }) => files), ...last.parts.files],
    title: titleOf(spoken.find(({ message }) => message.role === 'user')?.parts.text ?? text),
  }
}

const isOfSystem = ({ role }: ChatMessage): boolean => role === 'system' || role === 'developer'

/** Returns the text and the files of a message; calls of tools as text, for the transcript. */
function readMessage(message: ChatMessage, i: number): Parts {
  const { text, files } = partsOf(message.content, `messages[${i}].content`)
  const calls = message.role === 'assistant' ? (message.tool_calls ?? []) : []
  const called = calls.flatMap(({ function: of }) => (of ? [`[call: ${of.name}(${of.arguments})]`] : []))
  return { text: [text, ...called].filter((line) => line !== '').join('\n'), files }
}

function numbered(spoken: readonly { message: ChatMessage; parts: Parts }[]): EarlierMessage[] {
  let count = 0
  return spoken.map(({ message: { role }, parts: { text, files } }) => {
    const first = count + 1
    count += files.length
    return { role, text, files: withNames(files, first) }
  })
}

function withoutPrompt(messages: readonly ChatMessage[], i: number | undefined) {
  if (messages.length === 0) return badField('messages', 'empty_array', 'expected at least one message')
  const field = i === undefined ? 'messages' : `messages[${i}].role`
  return badField(field, 'invalid_value', "expected a message of the role 'user' at the end")
}

function titleOf(text: string): string {
  const [line = ''] = text.trim().split('\n')
  return line.length > titleLength ? `${line.slice(0, titleLength - 1)}…` : line || 'Untitled'
}
