import { describe, expect, it } from 'vitest'
import { liveHeap } from '../support/heap.ts'
import { standInServer } from '../support/stand-in.ts'

describe('the heap', () => {
  it('does not grow with ten thousand turns, one after another', { timeout: 600_000 }, async () => {
    const { server } = standInServer('well-behaved', {
      env: { STANDIN_REQUESTS: '', STANDIN_STORE: '', STANDIN_MAX_LIFE_MS: '600000' },
    })
    const run = async (turns: number) => {
      for (let i = 0; i < turns; i++) expect((await server.turn('echo:x').done).kind).toBe('final')
    }
    await run(500)
    const before = await liveHeap()
    await run(10_000)
    const grown = (await liveHeap()) - before
    // A leak of 5 kB per turn would be 50 MB in all.
    expect(grown).toBeLessThan(2 * 1024 * 1024)
  })
})
