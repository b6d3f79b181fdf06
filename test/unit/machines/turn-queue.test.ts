import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TurnQueue, type QueuedTurn } from '../../../src/machines/turn-queue.ts'

const turn = (id: number | string): QueuedTurn => ({ turnId: String(id), conversationId: `c${id}` })
const idsOf = (queue: TurnQueue): string[] => [...queue].map(({ turnId }) => turnId)

describe('TurnQueue', () => {
  it('lists turns in the order of their arrival, resumed turns before all others', () => {
    const queue = [
      turn(1),
      turn(2),
      { ...turn(3), isResumed: true },
      { ...turn(4), isResumed: true },
      turn(5),
    ].reduce((before, next) => before.add(next), TurnQueue.empty)
    expect(idsOf(queue)).toEqual(['3', '4', '1', '2', '5'])
    expect(JSON.parse(JSON.stringify(queue))).toHaveLength(5)
  })

  it('leaves earlier versions as they are', () => {
    const one = TurnQueue.empty.add(turn(1))
    const left = one.add(turn('left'))
    const right = one.add(turn('right'))
    const none = one.without(['1'])
    expect([one, left, right, none].map(idsOf)).toEqual([['1'], ['1', 'left'], ['1', 'right'], []])
    expect([one.has('left'), left.has('left'), right.has('left'), none.has('1')]).toEqual([
      false,
      true,
      false,
      false,
    ])
    expect(idsOf(TurnQueue.empty)).toEqual([])
  })

  it('behaves as an array does, whatever is added and taken', () => {
    const step = fc.oneof(
      fc.constant('add' as const),
      fc.constant('resume' as const),
      fc.record({ take: fc.array(fc.nat(400), { maxLength: 5 }) }),
      fc.record({ takeFirst: fc.nat(100) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        let queue = TurnQueue.empty
        let model: QueuedTurn[] = []
        for (const [i, act] of steps.entries()) {
          if (act === 'add' || act === 'resume') {
            const added = act === 'add' ? turn(i) : { ...turn(i), isResumed: true }
            queue = queue.add(added)
            const first = model.filter(({ isResumed }) => isResumed).length
            model = act === 'add' ? [...model, added] : model.toSpliced(first, 0, added)
          } else {
            const ids =
              'take' in act ? act.take.map(String) : model.slice(0, act.takeFirst).map(({ turnId }) => turnId)
            queue = queue.without(ids)
            model = model.filter(({ turnId }) => !ids.includes(turnId))
          }
          expect([...queue]).toEqual(model)
          expect(queue.length).toBe(model.length)
          for (const { turnId } of model) expect(queue.has(turnId)).toBe(true)
          expect(queue.has('unknown')).toBe(false)
        }
      }),
    )
  })
})
