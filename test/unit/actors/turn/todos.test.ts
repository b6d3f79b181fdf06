import { describe, expect, it } from 'vitest'
import { TurnTodos } from '../../../../src/actors/turn/todos.ts'
import { lastTodosIn, todosOf } from '../../../../src/io/opencode/todo-wire.ts'
import type { Todo } from '../../../../src/index.ts'

const todo = (content: string, status = 'pending'): Todo => ({ content, status, priority: 'high' })

/** Records the lists that a subscriber gets, and the completion. */
function recordOf(todos: TurnTodos): unknown[] {
  const seen: unknown[] = []
  todos.lists$.subscribe({ next: (list) => seen.push(list), complete: () => seen.push('complete') })
  return seen
}

describe('TurnTodos', () => {
  it('emits each list, and nothing before the first one', () => {
    const todos = new TurnTodos()
    const seen = recordOf(todos)
    expect(seen).toEqual([])
    todos.take([todo('a')])
    todos.take([todo('a', 'completed')])
    expect(seen).toEqual([[todo('a')], [todo('a', 'completed')]])
  })

  it('emits the last list to a late subscriber, also after the end', () => {
    const todos = new TurnTodos()
    todos.take([todo('a')])
    todos.take([todo('b')])
    const early = recordOf(todos)
    todos.complete()
    expect(early).toEqual([[todo('b')], 'complete'])
    expect(recordOf(todos)).toEqual([[todo('b')], 'complete'])
  })

  it('completes without a list if the first subscriber comes after the end', () => {
    const todos = new TurnTodos()
    todos.complete()
    todos.take([todo('late')])
    expect(recordOf(todos)).toEqual(['complete'])
  })

  it('does not repeat an equal list, as a snapshot has it', () => {
    const todos = new TurnTodos()
    const seen = recordOf(todos)
    todos.take([todo('a')])
    todos.take([todo('a')])
    todos.take(undefined)
    expect(seen).toEqual([[todo('a')]])
  })

  it('gives each subscriber a list of its own', () => {
    const todos = new TurnTodos()
    todos.take([todo('a')])
    todos.lists$.subscribe((list) => {
      list.push(todo('mine'))
      for (const each of list) each.status = 'changed'
    })
    const seen = recordOf(todos)
    todos.take([todo('a')])
    expect(seen).toEqual([[todo('a')]])
  })
})

describe('todosOf', () => {
  const event = (properties: Record<string, unknown>) => ({ type: 'todo.updated', properties })

  it('returns the list of the session only', () => {
    const properties = { sessionID: 'ses_1', todos: [todo('a')] }
    expect(todosOf(event(properties), 'ses_1')).toEqual([todo('a')])
    expect(todosOf(event(properties), 'ses_2')).toBeUndefined()
    expect(todosOf({ type: 'session.idle', properties }, 'ses_1')).toBeUndefined()
  })

  it('drops what is no list, and unknown fields', () => {
    expect(todosOf(event({ sessionID: 'ses_1', todos: 'none' }), 'ses_1')).toBeUndefined()
    const odd = [null, { content: 1, id: 'x' }]
    expect(todosOf(event({ sessionID: 'ses_1', todos: odd }), 'ses_1')).toEqual([
      { content: '', status: '', priority: '' },
    ])
  })
})

describe('lastTodosIn', () => {
  const part = (todos: unknown, status = 'completed', tool = 'todowrite') => ({
    ...{ type: 'tool', tool, state: { status, metadata: { todos } } },
  })
  const message = (id: string, parts: unknown[], sessionID = 'ses_1') => ({
    info: { id, role: 'assistant', sessionID },
    parts,
  })

  it('returns the list that was written last since the prompt', () => {
    const messages = [
      message('msg_1', [part([todo('of an earlier turn')])]),
      message('msg_2', []),
      message('msg_3', [part([todo('a')]), part([todo('b')])]),
      message('msg_4', [part([todo('c')], 'running'), part([todo('d')], 'completed', 'bash')]),
      message('msg_5', [part([todo('of a subagent')])], 'ses_2'),
    ]
    expect(lastTodosIn(messages, 'ses_1', 'msg_2')).toEqual([todo('b')])
    expect(lastTodosIn(messages, 'ses_1', 'msg_3')).toBeUndefined()
    expect(lastTodosIn(messages, 'ses_1', 'msg_0')).toEqual([todo('b')])
    expect(lastTodosIn(undefined, 'ses_1', '')).toBeUndefined()
  })
})
