import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deleteGarbage } from '../../../../src/cluster/homes/garbage.ts'
import { MovingHomes, type HomeHost } from '../../../support/cluster-homes.ts'

const file = 'workspace/count'

/** Events of an agent's life on some hosts. */
const happening = fc.oneof(
  fc.record({ type: fc.constant('takeover' as const), host: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ type: fc.constant('work' as const) }),
  fc.record({ type: fc.constant('save' as const) }),
  fc.record({ type: fc.constant('late save' as const), host: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ type: fc.constant('garbage' as const) }),
)

describe('Homes that move', () => {
  it('have all that was saved, on each next host, whatever owners before still try', async () => {
    const property = fc.asyncProperty(
      fc.array(happening, { minLength: 8, maxLength: 16 }),
      async (events) => {
        const world = new MovingHomes()
        const hosts = ['a', 'b', 'c'].map((name) => ({ host: world.host(name), epoch: 0 }))
        let [owner, epoch, count, saved]: [HomeHost | undefined, number, number, number] = [
          undefined,
          0,
          0,
          0,
        ]
        for (const event of events) {
          const other = 'host' in event ? hosts[event.host] : undefined
          if (event.type === 'takeover' && other) {
            owner = other.host
            other.epoch = ++epoch
            await owner.restore(epoch)
            expect(Number(owner.read(file) ?? 0)).toBeGreaterThanOrEqual(saved)
          } else if (event.type === 'work') owner?.write(file, String(++count))
          else if (event.type === 'save' && owner) {
            await owner.save(epoch)
            expect(owner.warnings).toEqual([])
            saved = Number(owner.read(file) ?? 0)
          } else if (event.type === 'late save' && other && other.epoch < epoch && other.epoch > 0) {
            const before = other.host.read(file) ?? '0'
            other.host.write(file, '-1')
            await expect(other.host.save(other.epoch)).rejects.toMatchObject({ name: 'FencedHomeError' })
            other.host.write(file, before)
          } else if (event.type === 'garbage' && owner) await deleteGarbage(owner.store)
        }
      },
    )
    await fc.assert(property, { numRuns: 25 })
  })
})
