import { describe, expect, it } from 'vitest'
import { similarTo } from '../../../src/util/similar.ts'

describe('similarTo', () => {
  const ids = ['gpt-4o', 'gpt-4o-mini', 'claude-sonnet-4-5', 'openai/gpt-4.1', 'text-embedding-3-small']
  it.each([
    ['gpt4o', ['gpt-4o']],
    ['GPT-4o', ['gpt-4o', 'gpt-4o-mini']],
    ['gpt-4.1', ['openai/gpt-4.1', 'gpt-4o']],
    ['claude-sonet-4-5', ['claude-sonnet-4-5']],
    ['llama-3-70b', []],
  ])('returns for %s the names %j', (word, similar) => expect(similarTo(word, ids)).toEqual(similar))
})
