import type { Usage } from '../../replies.ts'
import type { ChatUsage } from './schemas/answer.ts'

/** Returns the usage of a turn as OpenAI counts: the cache is a part of the input, and reasoning of the output. */
export function chatUsage(usage: Usage): ChatUsage {
  const { input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens } = usage
  const prompt_tokens = input_tokens + cache_read_tokens + cache_write_tokens
  const completion_tokens = output_tokens + reasoning_tokens
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: { cached_tokens: cache_read_tokens },
    completion_tokens_details: { reasoning_tokens },
  }
}
