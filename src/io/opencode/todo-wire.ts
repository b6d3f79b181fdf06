import type { OpenCodeEvent, Todo } from '../../replies.ts'
import { asList, isFields, parseMessage, partsOf, sessionOf } from './wire.ts'

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Returns a todo list; `undefined` for a value that is no list. */
const parseTodos = (value: unknown): Todo[] | undefined =>
  Array.isArray(value)
    ? value.filter(isFields).map(({ content, status, priority }) => ({
        content: text(content),
        status: text(status),
        priority: text(priority),
      }))
    : undefined

/**
 * Returns the todo list that an event reports for a session; `undefined` for any other event.
 * @remarks Observed in opencode 1.18.33: `todo.updated` has the whole list, and comes before the tool's part runs.
 */
export const todosOf = (event: OpenCodeEvent, sessionId: string): Todo[] | undefined =>
  event.type === 'todo.updated' && sessionOf(event) === sessionId
    ? parseTodos(event.properties['todos'])
    : undefined

/**
 * Returns the todo list that an agent has written last; `undefined` if it has written none.
 * @param messages - entries of `GET /session/{id}/message`, of any sessions, the oldest of a session first
 * @param since - id of the prompt; messages before it belong to other turns
 * @remarks Observed in opencode 1.18.33: a completed part of the tool `todowrite` has the list in its metadata.
 */
export function lastTodosIn(messages: unknown, sessionId: string, since: string): Todo[] | undefined {
  const infoOf = (entry: unknown) => (isFields(entry) ? parseMessage(entry['info']) : undefined)
  const own = asList(messages).filter((entry) => infoOf(entry)?.sessionId === sessionId)
  const prompt = own.findIndex((entry) => infoOf(entry)?.id === since)
  return own
    .slice(prompt + 1)
    .flatMap(partsOf)
    .flatMap(writtenTodos)
    .at(-1)
}

/** Returns the list that a part of a message has written, in a list. */
function writtenTodos(part: unknown): Todo[][] {
  if (!isFields(part) || part['tool'] !== 'todowrite' || !isFields(part['state'])) return []
  const { status, metadata } = part['state']
  const todos = isFields(metadata) ? parseTodos(metadata['todos']) : undefined
  return status === 'completed' && todos ? [todos] : []
}
