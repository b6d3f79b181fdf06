import { describe, expect, it, onTestFinished } from 'vitest'
import { liveHeap } from '../support/heap.ts'
import { realServer } from '../support/real.ts'

describe('the heap', () => {
  it('does not grow with two hundred turns on the real server, one after another', async () => {
    const { server, model, close } = await realServer([
      { match: 'Say hello', reply: { reasoning: 'hm', text: ['Hello', ' world'] } },
    ])
    onTestFinished(close)
    const run = async (turns: number) => {
      for (let i = 0; i < turns; i++) {
        expect(await server.turn('Say hello').done).toMatchObject({ kind: 'final', content: 'Hello world' })
        // The model runs in this process, and keeps its requests.
        ;(model.requests as unknown[]).length = 0
      }
    }
    await run(30)
    const before = await liveHeap()
    await run(200)
    const grown = (await liveHeap()) - before
    // A leak of 20 kB per turn would be 4 MB in all.
    expect(grown).toBeLessThan(2 * 1024 * 1024)
  })
})
