import { describe, expect, it } from 'vitest'
import { createTestModel } from 'xstate/graph'
import { chatModel, endsOf, type Moment } from './chat-model.ts'
import { ChatSubject, type Sight } from './chat-subject.ts'

const nameOf = ({ value, context }: Moment): string => `${value} ${JSON.stringify(context)}`

/** Paths along each transition of the model, including transitions without a change. */
const paths = createTestModel(chatModel, {
  serializeTransition: (_state, event, before) =>
    event && before ? `${event.type} in ${nameOf(before)}` : '',
}).getShortestPaths()

/** Returns the expected state of the service. */
function sightOf(moment: Moment): Sight {
  const { value, context } = moment
  return {
    status: value,
    open: context.open,
    placed: context.open,
    alive: value === 'down' || value === 'closed' ? 0 : 1,
    asks: (value === 'ready' || value === 'closing') && context.open > 0,
  }
}

const walks = paths.map(({ steps: [first, ...steps] }) => {
  if (!first) throw new Error('The path has no first state')
  return { name: steps.map(({ event }) => event.type).join(', '), first: first.state, steps }
})

// Each test has its own processes, so that the tests run concurrently.
describe.concurrent('the chat service is in the state of its model after', () => {
  it.each(walks)('$name', async ({ first, steps }) => {
    await using subject = await ChatSubject.start()
    await subject.settle(sightOf(first))
    let before = first
    for (const { event, state } of steps) {
      const ended = subject.ends.length
      await subject.happen[event.type]()
      await subject.settle(sightOf(state))
      expect(subject.ends.slice(ended)).toEqual(endsOf(before, event.type, state))
      before = state
    }
    await subject.finish()
  })
})
