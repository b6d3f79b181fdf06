import { expect } from 'vitest'
import { isTerminal } from '../../src/replies.ts'
import type { FinalReply, Reply } from '../../src/index.ts'

/** Returns the joined text of all replies of a kind. */
export const joined = (replies: readonly Reply[], kind: 'delta' | 'reasoning' = 'delta'): string =>
  replies.map((reply) => (reply.kind === kind ? reply.content : '')).join('')

/** Asserts the invariants of a turn: one terminal reply, at the end; each call once, before its single result. */
export function expectWellFormed(replies: readonly Reply[]): void {
  expect(replies.filter(isTerminal)).toEqual(replies.slice(-1))
  const calls = replies.flatMap((reply) => (reply.kind === 'tool_call' ? [reply.call_id] : []))
  const results = replies.flatMap((reply) => (reply.kind === 'tool_result' ? [reply.call_id] : []))
  expect(new Set(calls).size).toBe(calls.length)
  expect(new Set(results).size).toBe(results.length)
  for (const id of results) {
    const places = replies.flatMap((reply, i) => ('call_id' in reply && reply.call_id === id ? [i] : []))
    expect(places.map((i) => replies[i]?.kind)).toEqual(['tool_call', 'tool_result'])
  }
}

/** Asserts that a turn ended with a text, and that its joined deltas are that text. */
export function expectWhole(replies: readonly Reply[], text: string): FinalReply {
  expectWellFormed(replies)
  const final = replies.at(-1)
  if (final?.kind !== 'final') throw new Error(`the turn ended with ${JSON.stringify(final)}`)
  expect(final.content).toBe(text)
  expect(joined(replies)).toBe(text)
  return final
}
