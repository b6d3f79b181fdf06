import { describe, expect, it } from 'vitest'
import { linesOf } from '../../../../web/src/pages/approvals/lines.ts'

async function read(...parts: Uint8Array<ArrayBuffer>[]): Promise<string[]> {
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      for (const part of parts) controller.enqueue(part)
      controller.close()
    },
  })
  const lines: string[] = []
  for await (const line of linesOf(body)) lines.push(line)
  return lines
}

const bytes = (text: string) => new TextEncoder().encode(text)

describe('linesOf', () => {
  it('joins a line that comes in parts, also within a character', async () => {
    const [a, b] = [bytes('{"a":"ä"}\n{"b":2}'), bytes('\n\nlast')]
    expect(await read(a.slice(0, 7), a.slice(7), b)).toEqual(['{"a":"ä"}', '{"b":2}', 'last'])
  })
})
