import type { Wording } from '../row.ts'

const code = 'auth'
const litellm = 'BerriAI/litellm: litellm/litellm_core_utils/exception_mapping_utils.py'

/** Words for a key that the provider rejects. */
export const auth: readonly Wording[] = [
  {
    provider: 'LiteLLM',
    code,
    pattern: /^authentication error, invalid proxy server token passed/i,
    source: 'seen in LiteLLM 1.102.4',
  },
  // Without a database of keys, LiteLLM answers a wrong key with 400. A database that is down is a 503.
  {
    provider: 'LiteLLM',
    code,
    pattern: /^no connected db\b/i,
    source: 'seen in LiteLLM 1.102.4',
    status: 400,
  },
  {
    provider: 'OpenAI',
    code,
    pattern: /incorrect api key provided/i,
    source: 'test/fixtures/recorded/auth401.json',
  },
  {
    provider: 'Anthropic',
    code,
    pattern: /^invalid x-api-key/i,
    source: 'eyaltoledano/claude-task-master#222',
  },
  {
    provider: 'Bedrock',
    code,
    pattern: /security token included in the request is invalid/i,
    source: litellm,
  },
  { provider: 'Vertex, Gemini', code, pattern: /api key not valid/i, source: 'BerriAI/litellm#14770' },
  {
    provider: 'OpenRouter',
    code,
    pattern: /no auth credentials found/i,
    source: 'musistudio/claude-code-router#227',
  },
  { provider: 'DeepSeek', code, pattern: /^authentication fails\b/i, source: 'BerriAI/litellm#10403' },
]
